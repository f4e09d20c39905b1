import type pg from 'pg'
import { isGated, isWalk } from '../batch-terms.ts'
import { countActive, type Effects, readEffects, readSizes, type Sizes } from '../registry/effects.ts'
import { type Batch, type HoldReason, holdReasons } from './batch.ts'
import { lockRun } from './close-run.ts'
import { meetsRefetch } from './refetch.ts'
import { readWatermark } from './watermark.ts'

export interface GateOptions {
  /** Share of rejected rows above which a batch is held; null where that holds nothing. */
  rejectHoldRatio: number | null
}

/** A number for which a batch is held. */
export interface Excess {
  reason: HoldReason
  /** A profession code, or `*` for all together. */
  profession: string
  count: number
  /** The most that is applied without a person; a share of something, so not always a whole number. */
  limit: number
}

export interface Verdict {
  /** In the order of `holdReasons`; empty where the batch may be applied. */
  reasons: HoldReason[]
  /** The numbers that led to it, where a reason is one of numbers. */
  excesses: Excess[]
  /** What the plan does to people whom SDMK knows; null where it touches none. Later batches of the run add it to theirs. */
  effects: ProfessionEffects | null
}

/** The professions together, in place of a code. */
const whole = '*'

/** By profession. */
type ProfessionEffects = Record<string, Effects & Sizes>

/** Batches below this are too small for a share of their rows to say anything. */
const smallestBatch = 20
/** Up to so many endings, changed names or links are an ordinary night, whatever they are a share of. */
const alwaysAllowed = 20
/** Below so many rows, 5 % of the known ones is chance. */
const rowsForKnownShare = 1000
const knownShare = 0.05
const activeShare = 0.002
/** Runs without an empty one, after which an empty one is news. */
const runsBeforeEmpty = 7

/** What a renamed field, format or code list looks like. */
const schemaCodes = ['SCHEMA_INVALID', 'DATE_INVALID', 'STATUS_UNKNOWN', 'PROFESSION_UNKNOWN']

/**
 * Evaluates the plan of a batch, within the transaction that made it: must a person look before it is applied, and why.
 *
 * `DEACTIVATIONS`, `NAMES_CHANGED` and `LINKED` are more than 20 and more than the larger of 5 % of the known
 * registrations (from 1,000 rows on) and 0.2 % of the active ones. They are measured for each profession by that
 * profession's own rows and licences, and for all by the sums: neither may one that goes wrong hide among forty that do
 * not, nor may pass what is too much altogether. Earlier batches of the run count as well, so that what is harmful does not
 * pass in pieces. The last two say nothing until everything was stored once: then everything is new.
 *
 * Batches that people or the calendar made (`retry`, `decision`, `clock`, `import`) are held where that was asked for only.
 */
export async function evaluatePlan(client: pg.ClientBase, batch: Batch, options: GateOptions): Promise<Verdict> {
  const found = new Set<HoldReason>(batch.holdAsked)
  const excesses: Excess[] = []
  let effects: ProfessionEffects | null = null
  if (isGated(batch.kind)) {
    excesses.push(...evaluateRows(batch, options), ...(await evaluateSchema(client, batch)))
    if (await isEmptyAgainstHabit(client, batch)) found.add('EMPTY')
    if (isWalk(batch.kind) && (await meetsRefetch(client, batch))) found.add('UNDONE_WINDOW')
    effects = await effectsOf(client, batch)
    if (effects !== null) excesses.push(...(await evaluateEffects(client, batch, effects)))
    for (const { reason } of excesses) found.add(reason)
  }
  // A batch that waits for another reason shows its effects as well.
  if (found.size > 0) effects ??= await effectsOf(client, batch)
  return { reasons: holdReasons.filter(reason => found.has(reason)), excesses, effects }
}

function evaluateRows({ fetched, rejected }: Batch, { rejectHoldRatio }: GateOptions): Excess[] {
  if (fetched < smallestBatch) return []
  const excesses: Excess[] = []
  const evaluate = (reason: HoldReason, limit: number) => {
    if (rejected > limit) excesses.push({ reason, profession: whole, count: rejected, limit })
  }
  evaluate('NOTHING_PASSED', fetched - 1)
  if (rejectHoldRatio !== null) evaluate('REJECT_RATIO', fetched * rejectHoldRatio)
  return excesses
}

async function evaluateSchema(client: pg.ClientBase, { id, fetched }: Batch): Promise<Excess[]> {
  if (fetched < smallestBatch) return []
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
  const { count = 0 } = rows[0] ?? {}
  const limit = fetched / 2
  return count > limit ? [{ reason: 'SCHEMA_CHANGED', profession: whole, count, limit }] : []
}

/** True where this batch ends a walk that found nothing, although none of the last ones over the same professions was empty. */
async function isEmptyAgainstHabit(client: pg.ClientBase, batch: Batch): Promise<boolean> {
  if (batch.fetched > 0 || batch.kind === 'window' || batch.kind === 'file') return false
  const { rows } = await client.query<{ hasOthers: boolean; runs: number; empty: number }>(
    `select exists (
        select from kki.batch where run_id = $1 and id <> $2 and (fetched > 0 or fetched_at is null)
      ) as "hasOthers", count(*) as runs,
      count(*) filter (where fetched = 0) as empty
    from (
      select sum(b.fetched) as fetched
      from kki.batch b join kki.run r on r.id = b.run_id
      where b.state = 'applied' and r.mode in ('incremental', 'full') and r.id <> $1
        and r.professions is not distinct from $3::text[]
      group by r.id order by r.id desc limit ${runsBeforeEmpty}
    ) last`,
    [batch.runId, batch.id, batch.runProfessions]
  )
  return rows[0]?.hasOthers === false && rows[0].runs === runsBeforeEmpty && rows[0].empty === 0
}

/** Returns null where nobody known is touched, as in a first load: its rows need not be looked at again. */
async function effectsOf(client: pg.ClientBase, batch: Batch): Promise<ProfessionEffects | null> {
  if (batch.updated === 0 && batch.linked === 0) return null
  const effects = await readEffects(client, batch.id)
  const sizes = await readSizes(client, batch.id)
  const found: ProfessionEffects = {}
  for (const { profession, ...size } of sizes) found[profession] = { ...nothing, ...size }
  for (const { profession, ...effect } of effects) found[profession] = { ...(found[profession] ?? nothing), ...effect }
  return found
}

const nothing: Effects & Sizes = { deactivations: 0, namesChanged: 0, linked: 0, rows: 0, known: 0 }

/** Returns what the batch and those planned before it in its run do together, the sums under `*`. */
async function addEarlier(
  client: pg.ClientBase,
  batch: Batch,
  own: ProfessionEffects
): Promise<Map<string, Effects & Sizes>> {
  // Until this transaction ends no other batch of the run is evaluated, so that each sees those before it.
  await lockRun(client, batch.runId)
  const { rows } = await client.query<{ effects: ProfessionEffects }>(
    `select effects from kki.batch
    where run_id = $1 and id <> $2 and effects is not null and state in ('planned', 'applied')
      -- A person has looked at those that were held.
      and hold_reasons is null`,
    [batch.runId, batch.id]
  )
  const together = new Map<string, Effects & Sizes>()
  for (const effects of [own, ...rows.map(row => row.effects)]) {
    for (const [profession, effect] of Object.entries(effects)) {
      for (const key of [profession, whole]) together.set(key, add(together.get(key) ?? nothing, effect))
    }
  }
  return together
}

function add(a: Effects & Sizes, b: Effects & Sizes): Effects & Sizes {
  return {
    deactivations: a.deactivations + b.deactivations,
    namesChanged: a.namesChanged + b.namesChanged,
    linked: a.linked + b.linked,
    rows: a.rows + b.rows,
    known: a.known + b.known
  }
}

async function evaluateEffects(client: pg.ClientBase, batch: Batch, own: ProfessionEffects): Promise<Excess[]> {
  const together = await addEarlier(client, batch, own)
  const isFirst = (await readWatermark(client)) === null && !(await hasEarlierFile(client, batch))
  const judged: [HoldReason, keyof Effects][] = [['DEACTIVATIONS', 'deactivations']]
  if (!isFirst) judged.push(['NAMES_CHANGED', 'namesChanged'], ['LINKED', 'linked'])
  const excesses = (active?: ReadonlyMap<string, number>): Excess[] =>
    [...together].flatMap(([profession, effect]) => {
      // A batch that does nothing of it is not held for what others did.
      const mine = profession === whole ? Object.values(own).reduce(add, nothing) : (own[profession] ?? nothing)
      const limit = limitOf(effect, active?.get(profession) ?? 0)
      return judged
        .filter(([, name]) => mine[name] > 0 && effect[name] > limit)
        .map(([reason, name]) => ({ reason, profession, count: effect[name], limit }))
    })
  // Only what the rows themselves do not allow is held against the whole registry, which takes long to count.
  if (excesses().length === 0) return []
  const active = await countActive(
    client,
    [...together.keys()].filter(profession => profession !== whole)
  )
  const activeInAll = [...active.values()].reduce((total, count) => total + count, 0)
  return excesses(new Map(active).set(whole, activeInAll))
}

/** True for a file where rows of an earlier one are stored: an installation may have files alone, and no watermark. */
async function hasEarlierFile(client: pg.ClientBase, { kind, runId }: Batch): Promise<boolean> {
  if (kind !== 'file') return false
  const { rows } = await client.query(
    `select from kki.batch where kind = 'file' and state = 'applied' and run_id <> $1 limit 1`,
    [runId]
  )
  return rows.length > 0
}

/** A profession that only a death reaches has no rows, and so the smallest limit. */
function limitOf({ rows, known }: Sizes, active: number): number {
  if (rows === 0) return alwaysAllowed
  const ofKnown = rows >= rowsForKnownShare ? known * knownShare : 0
  return Math.max(alwaysAllowed, ofKnown, active * activeShare)
}
