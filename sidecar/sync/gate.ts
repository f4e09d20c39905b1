import type pg from 'pg'
import { isWalk } from '../batch-terms.ts'
import { countActive, type Effects, readEffects, readSizes, type Sizes } from '../registry/effects.ts'
import { type Batch, type HoldReason, holdReasons } from './batch.ts'
import { hasUndoneWindow } from './refetch.ts'
import { allProfessions, readWatermark } from './watermark.ts'

export interface GateOptions {
  /** Share of refused rows above which a batch is held; null where that holds nothing. */
  rejectHoldRatio: number | null
}

export interface Verdict {
  /** In the order of `holdReasons`; empty where the batch may be applied. */
  reasons: HoldReason[]
  /** The numbers that led to it, for the audit. */
  numbers: Record<string, unknown>
}

/** Batches below this are too small for a share of their rows to say anything. */
const smallestBatch = 20
/** Up to so many endings, changed names or links are an ordinary night, whatever they are a share of. */
const alwaysAllowed = 20
/** Below so many rows, 5 % of the known ones is chance. */
const rowsForKnownShare = 1000
const knownShare = 0.05
const activeShare = 0.002
/** Windows of a partition without an empty one, after which an empty one is news. */
const windowsBeforeEmpty = 7

/** What a renamed field, format or code list looks like. */
const schemaCodes = ['SCHEMA_INVALID', 'DATE_INVALID', 'STATUS_UNKNOWN', 'PROFESSION_UNKNOWN']

/**
 * Judges the plan of a batch, within the transaction that made it: must a person look before it is applied, and why.
 *
 * `DEACTIVATIONS`, `NAMES_CHANGED` and `LINKED` are more than 20 and more than the larger of 5 % of the known
 * registrations (from 1,000 rows on) and 0.2 % of the active ones. They are measured for each profession of the batch
 * by that profession's own rows and licences, and for the batch as a whole by the sums: a batch over all professions
 * must neither hide one that goes wrong among forty that do not, nor pass what is too much altogether. The last two say
 * nothing while a partition was never stored in full: then everything is new.
 *
 * Batches that people or the calendar made (`retry`, `decision`, `clock`, `import`) are held where that was asked for only.
 */
export async function judgePlan(client: pg.ClientBase, batch: Batch, options: GateOptions): Promise<Verdict> {
  const found = new Set<HoldReason>(batch.holdAsked)
  const numbers: Verdict['numbers'] = {}
  if (isWalk(batch.kind)) {
    // The rest of a full run is what lies outside the professions that its other batches walked: to be refused, or
    // nothing at all, is what one expects of it.
    if (batch.sourceProfessionsCovered === null) {
      for (const reason of judgeRows(batch, options)) found.add(reason)
      if (await isSchemaChanged(client, batch)) found.add('SCHEMA_CHANGED')
      if (await isEmptyAgainstHabit(client, batch)) found.add('EMPTY')
    }
    if (await hasUndoneWindow(client, batch)) found.add('UNDONE_WINDOW')
    const excesses = await judgeEffects(client, batch)
    for (const { reason } of excesses) found.add(reason)
    if (excesses.length > 0) numbers.excesses = excesses
  }
  return { reasons: holdReasons.filter(reason => found.has(reason)), numbers }
}

function judgeRows({ fetched, rejected }: Batch, { rejectHoldRatio }: GateOptions): HoldReason[] {
  if (fetched < smallestBatch) return []
  const reasons: HoldReason[] = []
  if (rejected === fetched) reasons.push('NOTHING_PASSED')
  if (rejectHoldRatio !== null && rejected > fetched * rejectHoldRatio) reasons.push('REJECT_RATIO')
  return reasons
}

async function isSchemaChanged(client: pg.ClientBase, { id, fetched }: Batch): Promise<boolean> {
  if (fetched < smallestBatch) return false
  const { rows } = await client.query<{ count: number }>(
    `select count(distinct row_no) as count
    from (
      select row_no, problems from kki.staged_rejection where batch_id = $1
      union all
      select row_no, problems from kki.staged_row where batch_id = $1 and problems is not null
    ) row, jsonb_array_elements(row.problems) problem
    where problem ->> 'code' = any ($2::text[])`,
    [id, schemaCodes]
  )
  return (rows[0]?.count ?? 0) > fetched / 2
}

async function isEmptyAgainstHabit(client: pg.ClientBase, batch: Batch): Promise<boolean> {
  if (batch.fetched > 0 || batch.kind === 'window') return false
  const { rows } = await client.query<{ windows: number; empty: number }>(
    `select count(*) as windows, count(*) filter (where fetched = 0) as empty
    from (
      select fetched from kki.batch
      where partition = $1 and state = 'applied' and kind in ('incremental', 'full') and source_professions_covered is null
      order by id desc limit ${windowsBeforeEmpty}
    ) last`,
    [batch.partition]
  )
  return rows[0]?.windows === windowsBeforeEmpty && rows[0].empty === 0
}

interface Excess {
  reason: HoldReason
  /** A profession code, or `*` for the batch as a whole. */
  profession: string
  count: number
  limit: number
}

async function judgeEffects(client: pg.ClientBase, batch: Batch): Promise<Excess[]> {
  // Nobody known is touched, as in a first load: its rows need not be looked at again.
  if (batch.updated === 0 && batch.linked === 0) return []
  const effects = await readEffects(client, batch.id)
  const whole: Effects & { profession: string } = {
    profession: allProfessions,
    deactivations: sum(effects, 'deactivations'),
    namesChanged: sum(effects, 'namesChanged'),
    linked: sum(effects, 'linked')
  }
  const isFirst = (await readWatermark(client, batch.partition)) === null
  const judged: [HoldReason, keyof Effects][] = [['DEACTIVATIONS', 'deactivations']]
  if (!isFirst) judged.push(['NAMES_CHANGED', 'namesChanged'], ['LINKED', 'linked'])
  if (judged.every(([, effect]) => whole[effect] <= alwaysAllowed)) return []

  const sizes = await readSizes(client, batch.id)
  const sizeOf = new Map<string, Sizes>(sizes.map(size => [size.profession, size]))
  sizeOf.set(allProfessions, { rows: batch.fetched, known: sum(sizes, 'known') })
  const excesses = (active?: ReadonlyMap<string, number>): Excess[] =>
    [whole, ...effects].flatMap(effect => {
      const limit = limitOf(sizeOf.get(effect.profession), active?.get(effect.profession) ?? 0)
      return judged
        .filter(([, name]) => effect[name] > limit)
        .map(([reason, name]) => ({ reason, profession: effect.profession, count: effect[name], limit }))
    })
  // Only what the batch's own size does not allow is held against the whole registry, which takes long to count.
  if (excesses().length === 0) return []
  const active = await countActive(
    client,
    sizes.map(({ profession }) => profession)
  )
  const activeInAll = [...active.values()].reduce((total, count) => total + count, 0)
  return excesses(new Map(active).set(allProfessions, activeInAll))
}

/** A profession that only a death reaches has no rows in the batch, and so the smallest limit. */
function limitOf(size: Sizes | undefined, active: number): number {
  if (!size) return alwaysAllowed
  const ofKnown = size.rows >= rowsForKnownShare ? size.known * knownShare : 0
  return Math.max(alwaysAllowed, ofKnown, active * activeShare)
}

function sum<K extends string>(items: readonly Record<K, number>[], key: K): number {
  return items.reduce((total, item) => total + item[key], 0)
}
