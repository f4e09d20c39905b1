import type pg from 'pg'
import { nameKey } from '../transform/name.ts'
import { canonicalStr, isStrNumber } from '../transform/str-number.ts'
import { type Match, type Page, parseMatch } from './health-workers.ts'
import { sql } from './sql.ts'
import { useStaging } from './staging.ts'
import { renewStatistics } from './statistics.ts'

const planned = { lines: sql('changes/planned-lines.sql'), page: sql('changes/planned-page.sql') }
const recorded = { lines: sql('changes/recorded-lines.sql'), page: sql('changes/recorded-page.sql') }
const plannedNamed = sql('changes/planned-named.sql')
const plannedRejected = sql('changes/planned-rejected.sql')

/** One change that a plan would make or a batch made. It contains no digit of a NIK. */
export interface Change {
  /** The row of the batch, or the change record. */
  id: number
  outcome: string
  match: Match | null
  codes: string[]
  strNumber: string | null
  profession: string | null
  registrationId: number | null
  /** Null if the licence is new. */
  statusBefore: string | null
  statusAfter: string | null
  /** Null if the person does not exist. */
  healthWorkerId: number | null
  nameBefore: string | null
  nameAfter: string | null
  /** The row or the person has a NIK. */
  hasNik: boolean
  fields: FieldChange[]
  /** After an undo: the change was kept, or the former value was restored. */
  undo: 'kept' | 'restored' | null
}

/** A field that changed. Both values are null if the field is the NIK, or if the person's data is restricted. */
export interface FieldChange {
  field: string
  before: string | null
  /** Also null if an undo restored the former value. */
  after: string | null
}

export const outcomes = ['created', 'linked', 'updated', 'superseded', 'rejected'] as const
export const changeEffects = ['deactivated', 'name_changed', 'stamp_only', 'kept'] as const

export interface ChangeFilter {
  outcome?: (typeof outcomes)[number] | undefined
  effect?: (typeof changeEffects)[number] | undefined
  profession?: string | undefined
  /** An STR in any spelling, or words of a name. */
  text?: string | undefined
}

/** Registrations and people that an undo did not restore in full, by id, with the columns that it left. */
export interface Kept {
  registrations: ReadonlyMap<number, readonly string[]>
  people: ReadonlyMap<number, readonly string[]>
  /** False if the maps do not list all of them. It is then unknown whether an unlisted change was restored. */
  isComplete: boolean
}

export interface PageRequest {
  /** The `next` of the page before, or 0. */
  after: number
  limit: number
}

/** Columns that people do not need to see: stamps, digests, and values that are derived from other columns. */
const silentColumns = [
  ...['source_at', 'content_hash', 'match_reason', 'warnings', 'str_raw', 'str_format', 'stated_status', 'replaced_by'],
  ...['name_key', 'name_at', 'nik_at', 'nik_sealed', 'birth_place_key', 'birth_place_at', 'birth_date_at', 'sex_at']
]
const isSilent = new Set(silentColumns)

/**
 * The order of the lines: deactivated licences, changed names, all others, people without a licence. A plan has one more
 * rank, for lines that change only a stamp. `rankPlan` stores the ranks of a plan.
 */
const ranks = { deactivated: 0, renamed: 1, other: 2, personOnly: 3, stampOnly: 4 }
const rankOf = `case when is_deactivated then ${ranks.deactivated} when is_renamed then ${ranks.renamed}
  when is_stamp_only then ${ranks.stampOnly} when is_person_only then ${ranks.personOnly} else ${ranks.other} end`
/**
 * The lines of an applied batch are read rank by rank, so that a page does not read lines of later ranks. The first condition
 * of a rank is cheap and leaves few lines for the second one.
 */
const isNoOther = 'not is_deactivated and not is_renamed'
const recordedRanks = [
  `registration_before ->> 'status' = 'active' and is_deactivated`,
  `health_worker_id in (select health_worker_id from kki.change where batch_id = $1 and health_worker_before ? 'name_key')
    and is_renamed and not is_deactivated`,
  `${isNoOther} and not is_person_only`,
  `is_person_only and ${isNoOther}`
]
/** The order after an undo: kept changes first, then restored ones. */
const undoneRanks = [`undo = 'kept'`, `undo = 'restored'`]
/** A cursor is the rank times this number, plus the id. Ids are always smaller. */
const rankStep = 2 ** 50

/**
 * Returns the changes of a plan, one for each row, the most harmful first, within the caller's transaction. Rows that change
 * only a stamp and rejected rows are returned only if the filter asks for them.
 */
export async function readPlannedChanges(
  client: pg.ClientBase,
  batchId: number,
  filter: ChangeFilter,
  page: PageRequest
): Promise<Page<Change>> {
  const { profession = null, strNumber, words } = readFilter(filter)
  if (filter.effect === 'kept') return { items: [], next: null }
  await useStaging(client, batchId)
  if (filter.outcome === 'rejected') {
    if (filter.effect) return { items: [], next: null }
    const values = [batchId, page.after, page.limit + 1, profession, strNumber, words]
    return toPage((await client.query<Line>(plannedRejected, values)).rows, page, null)
  }
  const isRenamed = filter.effect === 'name_changed'
  const asked = Object.values(ranks).filter(rank => isAsked(rank, filter))
  if (words !== null) {
    const { rows } = await client.query<{ id: number }>(plannedNamed, [
      ...[words, asked, filter.outcome ?? null, profession, isRenamed],
      ...[...cursorOf(page), page.limit + 1]
    ])
    const ids = rows.map(({ id }) => id)
    return toPage(await readLines(client, [batchId, null, null, null, ids], 'true'), page, null)
  }
  const given = [batchId, filter.outcome ?? null, profession, strNumber, null]
  const rows = await readRanks(Object.values(ranks).length, page, async (rank, after, limit) => {
    if (!asked.includes(rank)) return []
    const condition = `rank = $6::smallint and id > $7::bigint ${isRenamed ? 'and is_renamed' : ''} order by id limit $8`
    return readLines(client, [...given, rank, after, limit], condition)
  })
  return toPage(rows, page, null)
}

async function readLines(client: pg.ClientBase, values: unknown[], condition: string): Promise<Line[]> {
  const { rows } = await client.query<Line>(
    `with line as (${planned.lines}), page as materialized (select * from line where ${condition}) ${planned.page}`,
    values
  )
  return rows
}

/** True if the filter asks for lines of this rank of a plan. */
function isAsked(rank: number, { effect, outcome }: ChangeFilter): boolean {
  if (effect === 'deactivated') return rank === ranks.deactivated
  if (effect === 'name_changed') return rank <= ranks.renamed
  if (effect === 'stamp_only') return rank === ranks.stampOnly
  return rank < ranks.stampOnly || outcome === 'superseded'
}

/**
 * Stores the ranks of a plan that is put on hold, within the transaction that made it. Otherwise every page that a person
 * opens would have to rank all lines first.
 */
export async function rankPlan(client: pg.ClientBase, batchId: number): Promise<void> {
  await useStaging(client, batchId)
  await client.query(
    `update plan_row p set rank = r.rank from (select id, ${rankOf} as rank from (${planned.lines}) line) r
    where r.id = p.row_no and r.rank <> ${ranks.other}`,
    [batchId, null, null, null, null]
  )
  await client.query('select kki.index_staging($1)', [batchId])
  await renewStatistics(client, 'plan_row')
}

/** Counts the rows of a plan on hold that change only a stamp, within the caller's transaction. */
export async function countPlannedStampOnly(client: pg.ClientBase, batchId: number): Promise<number> {
  await useStaging(client, batchId)
  const { rows } = await client.query<{ count: number }>(
    `select count(*) from plan_row where rank = ${ranks.stampOnly} and outcome = 'updated'`
  )
  return rows[0]?.count ?? 0
}

/**
 * Returns the changes of an applied batch, in the same order, with the values from right after the batch. After an undo, kept
 * changes come first, and removed records are not listed.
 */
export async function readRecordedChanges(
  client: pg.ClientBase | pg.Pool,
  batchId: number,
  filter: ChangeFilter,
  page: PageRequest,
  kept: Kept | null = null
): Promise<Page<Change>> {
  const { profession = null, strNumber, words } = readFilter(filter)
  const conditions = kept ? undoneRanks : recordedRanks
  const rows = await readRanks(conditions.length, page, async (rank, after, limit) => {
    const { rows } = await client.query<Line>(
      `with line as (
        select line.*, case when not $7 then null when registration_id = any ($8) or (registration_id is null or person_change_id is not null)
          and health_worker_id = any ($9) then 'kept' else 'restored' end as undo
        from (${recorded.lines}) line
        where not $7 or (
          exists (select from sdmk.health_worker h where h.id = line.health_worker_id)
          and (registration_id is null or exists (select from sdmk.registration r where r.id = line.registration_id))
        )
      ), page as materialized (
        select *, ${rank} as rank from line where ${conditions[rank]} and ${effectFilter(filter)} and id > $10::bigint order by id limit $11
      ) ${recorded.page}`,
      [
        ...[batchId, filter.outcome ?? null, profession, strNumber, words, silentColumns],
        ...[kept !== null, [...(kept?.registrations.keys() ?? [])], [...(kept?.people.keys() ?? [])]],
        ...[after, limit]
      ]
    )
    return rows
  })
  return toPage(rows, page, kept)
}

/** Returns the lines of a page, rank by rank after the former page, and one more line if another page follows. */
async function readRanks(
  count: number,
  page: PageRequest,
  read: (rank: number, after: number, limit: number) => Promise<Line[]>
): Promise<Line[]> {
  const rows: Line[] = []
  let [rank, after] = cursorOf(page)
  for (; rank < count && rows.length <= page.limit; rank++, after = 0) {
    rows.push(...(await read(rank, after, page.limit + 1 - rows.length)))
  }
  return rows
}

/** Counts the lines that change only a stamp; the unfiltered list omits them. */
export async function countStampOnly(client: pg.ClientBase | pg.Pool, batchId: number): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*) from (${recorded.lines}) line where is_stamp_only`,
    [batchId, null, null, null, null, silentColumns]
  )
  return rows[0]?.count ?? 0
}

/** True if a text can be searched for: an STR, or a name that is more than titles and punctuation. */
export function isSearchable(text: string): boolean {
  return isStr(text) || nameKey(text) !== ''
}

function isStr(text: string): boolean {
  return /\d/.test(text) && isStrNumber(canonicalStr(text))
}

function readFilter({ profession, text }: ChangeFilter) {
  if (text === undefined) return { profession, strNumber: null, words: null }
  if (isStr(text)) return { profession, strNumber: canonicalStr(text), words: null }
  const words = nameKey(text)
    .split(' ')
    .map(word => `%${word.replace(/[\\%_]/g, '\\$&')}%`)
  return { profession, strNumber: null, words }
}

function effectFilter({ effect, outcome }: ChangeFilter): string {
  if (effect === 'deactivated') return 'is_deactivated'
  if (effect === 'name_changed') return 'is_renamed'
  if (effect === 'stamp_only') return 'is_stamp_only'
  if (effect === 'kept') return `undo = 'kept'`
  return outcome === 'superseded' ? 'true' : 'not is_stamp_only'
}

function cursorOf({ after }: PageRequest): [number, number] {
  return [Math.floor(after / rankStep), after % rankStep]
}

type Line = Omit<Change, 'match' | 'fields'> & {
  reason: string | null
  rank: number
  isRestricted: boolean
  before: Record<string, unknown>
  after: Record<string, unknown>
}

function toPage(rows: Line[], { limit }: PageRequest, kept: Kept | null): Page<Change> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(line => toChange(line, kept)),
    next: rows.length > limit && last ? last.rank * rankStep + last.id : null
  }
}

function toChange(line: Line, kept: Kept | null): Change {
  const { reason, rank: _, isRestricted, before, after, ...change } = line
  const isUnknown = kept !== null && !kept.isComplete && change.undo === 'restored'
  const isRestored = (column: string) => {
    if (kept === null || isUnknown) return false
    const left = [kept.registrations.get(line.registrationId ?? 0), kept.people.get(line.healthWorkerId ?? 0)]
    return !left.some(fields => fields && (fields.length === 0 || fields.includes(column)))
  }
  const fields = Object.keys(before)
    .filter(column => !isSilent.has(column) && column in after && (kept !== null || after[column] !== before[column]))
    .map((column): FieldChange => {
      const isHidden = column === 'nik_digest' || isRestricted
      const value = (given: unknown) => (isHidden || given === null || given === undefined ? null : String(given))
      return {
        field: column === 'nik_digest' ? 'nik' : camel(column),
        before: value(before[column]),
        after: isRestored(column) ? null : value(after[column])
      }
    })
  return { ...change, undo: isUnknown ? null : change.undo, match: reason ? parseMatch(reason) : null, fields }
}

const camel = (column: string) => column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
