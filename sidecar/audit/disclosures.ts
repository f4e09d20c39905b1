import type pg from 'pg'
import type { Caller } from './record.ts'

/** The people whose data one answer shows. */
export interface Shown {
  /** Ids of health workers. */
  people?: readonly number[]
  /** Ids of rejections, whose rows may concern unmatched people. */
  rejections?: readonly number[]
  /** The number of people without an id, from a plan that would create them. */
  unnamed?: number
}

/** Who was shown which data, and through which channel. */
export interface Disclosure extends Shown, Omit<Caller, 'traceId'> {
  /** A key of `channels`. */
  channel: string
  reason?: string | null
  /** The batch whose rows were shown. */
  batchId?: number | null
}

/** Ids in one stored row; further ids are stored in further rows. */
const mostIds = 20_000

/** True if the answer shows personal data. */
export function showsSomebody({ people = [], rejections = [], unnamed = 0 }: Shown): boolean {
  return people.length > 0 || rejections.length > 0 || unnamed > 0
}

/** Stores disclosures with one statement. Those that differ only in their ids share a row. */
export async function recordDisclosures(
  client: pg.Pool | pg.ClientBase,
  disclosures: readonly Disclosure[]
): Promise<void> {
  const rows = merge(disclosures.filter(showsSomebody))
  if (rows.length === 0) return
  await client.query(
    `insert into kki.disclosure (channel, actor, role, api_key_id, reason, batch_id, request_id, answers, people,
      rejections, unnamed)
    select channel, actor, role, api_key_id, reason, batch_id, request_id, answers, people::int8multirange,
      rejections::int8multirange, unnamed
    from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::int[],
      $9::text[], $10::text[], $11::int[])
      as d (channel, actor, role, api_key_id, reason, batch_id, request_id, answers, people, rejections, unnamed)`,
    [
      rows.map(({ first }) => first.channel),
      rows.map(({ first }) => first.actor),
      rows.map(({ first }) => first.role ?? null),
      rows.map(({ first }) => first.apiKeyId),
      rows.map(({ first }) => first.reason ?? null),
      rows.map(({ first }) => first.batchId ?? null),
      rows.map(({ first }) => first.requestId),
      rows.map(({ answers }) => answers),
      rows.map(({ people }) => toMultirange(people)),
      rows.map(({ rejections }) => toMultirange(rejections)),
      rows.map(({ unnamed }) => unnamed)
    ]
  )
}

interface Row {
  first: Disclosure
  answers: number
  people: Set<number>
  rejections: Set<number>
  unnamed: number
}

function merge(disclosures: readonly Disclosure[]): Row[] {
  const rows: Row[] = []
  const open = new Map<string, Row>()
  for (const disclosure of disclosures) {
    const { channel, actor, role, apiKeyId, reason, batchId, people = [], rejections = [] } = disclosure
    const kind = JSON.stringify([channel, actor, role ?? null, apiKeyId, reason ?? null, batchId ?? null])
    let row = open.get(kind)
    if (!row || row.people.size + row.rejections.size + people.length + rejections.length > mostIds) {
      row = { first: disclosure, answers: 0, people: new Set(), rejections: new Set(), unnamed: 0 }
      rows.push(row)
      open.set(kind, row)
    }
    row.answers++
    for (const id of people) row.people.add(id)
    for (const id of rejections) row.rejections.add(id)
    row.unnamed += disclosure.unnamed ?? 0
  }
  return rows
}

/** Returns ids in PostgreSQL's multirange syntax: adjacent ids share a range, so a page of a list needs little space. */
export function toMultirange(ids: Iterable<number>): string {
  const sorted = [...ids].sort((a, b) => a - b)
  const ranges: string[] = []
  for (let i = 0; i < sorted.length; ) {
    const first = sorted[i] as number
    let end = first + 1
    for (i++; i < sorted.length && (sorted[i] as number) <= end; i++) end = (sorted[i] as number) + 1
    ranges.push(`[${first},${end})`)
  }
  return `{${ranges.join(',')}}`
}

/** Stores disclosures; `record` returns when its disclosure is committed. */
export interface DisclosureWriter {
  record(disclosure: Disclosure): Promise<void>
}

/** Answers that are written with one statement. */
const mostAtOnce = 500

/**
 * Returns a writer for many concurrent answers. One statement runs at a time; disclosures that arrive meanwhile share the
 * next one. So an answer waits for two statements at most, and no answer is sent before its disclosure is stored.
 */
export function createDisclosureWriter(pool: pg.Pool): DisclosureWriter {
  type Waiting = { disclosure: Disclosure; resolve(): void; reject(error: unknown): void }
  let waiting: Waiting[] = []
  let isBusy = false
  const write = async () => {
    isBusy = true
    while (waiting.length > 0) {
      const batch = waiting.slice(0, mostAtOnce)
      waiting = waiting.slice(mostAtOnce)
      try {
        await recordDisclosures(
          pool,
          batch.map(({ disclosure }) => disclosure)
        )
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    isBusy = false
  }
  return {
    record: disclosure =>
      showsSomebody(disclosure)
        ? new Promise((resolve, reject) => {
            waiting.push({ disclosure, resolve, reject })
            if (!isBusy) void write()
          })
        : Promise.resolve()
  }
}
