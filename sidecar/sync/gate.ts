import type pg from 'pg'
import { isGated, isWalk } from '../batch-terms.ts'
import { countActive, type Effects, readEffects, readSizes, type Sizes } from '../registry/effects.ts'
import { type Batch, type HoldReason, holdReasons } from './batch.ts'
import { lockRun } from './close-run.ts'
import { meetsRefetch } from './refetch.ts'
import { readWatermark } from './watermark.ts'

export interface GateOptions {
  /** Share of rejected rows above which a batch is held; null if rejected rows never hold a batch. */
  rejectHoldRatio: number | null
}

/** A count that exceeds its limit, so that the batch is held. */
export interface Excess {
  reason: HoldReason
  /** A profession code, or `*` for the sum of all. */
  profession: string
  count: number
  /** The largest count that is applied without a person. It may be a fraction, because it is a share of another count. */
  limit: number
}

export interface Verdict {
  /** In the order of `holdReasons`; empty if the batch may be applied. */
  reasons: HoldReason[]
  /** The counts behind the reasons that compare a count with a limit. */
  excesses: Excess[]
  /** The plan's effects on known people; null if it has none. Later batches of the run add them to their own. */
  effects: ProfessionEffects | null
}

/** Stands for all professions together. */
const whole = '*'

/** Keys are profession codes. */
type ProfessionEffects = Record<string, Effects & Sizes>

/** In smaller batches, a share of rejected rows is chance. */
const smallestBatch = 20
/** So many deactivations, changed names or links happen in any night, so they never hold a batch. */
const alwaysAllowed = 20
/** In fewer rows, 5 % of the known ones is chance. */
const rowsForKnownShare = 1000
const knownShare = 0.05
const activeShare = 0.002
/** An empty run is suspicious after this many runs of which none was empty. */
const runsBeforeEmpty = 7

/** Codes that appear in many rows after KKI renames a field, or changes a format or code list. */
const schemaCodes = ['SCHEMA_INVALID', 'DATE_INVALID', 'STATUS_UNKNOWN', 'PROFESSION_UNKNOWN']

/**
 * Evaluates the plan of a batch, within the transaction that made it: whether a person must decide about it, and why.
 *
 * `DEACTIVATIONS`, `NAMES_CHANGED` and `LINKED` hold a batch if the count is above the largest of three numbers: 20, 0.2 % of
 * the active registrations, and (from 1,000 rows on) 5 % of the known ones. Each profession has its own limit, so that a fault
 * in one does not hide among forty others. The sum of all professions has a limit too. The counts include earlier batches of
 * the run, so that a harmful change does not pass in small pieces. Names and links are not checked in the first load, because
 * everything is new then.
 *
 * Batches that people or the calendar made (`retry`, `decision`, `clock`, `import`) are held only on request.
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
  // A batch that is held for another reason also shows its effects.
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

/** True if the walk that this batch ends is empty, and none of the last walks over the same professions was. */
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

/** Returns null if the plan changes no known person, as in a first load. This saves reading all of its rows again. */
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

/** Adds the effects of batches planned earlier in the same run; the sum of all professions is under `*`. */
async function addEarlier(
  client: pg.ClientBase,
  batch: Batch,
  own: ProfessionEffects
): Promise<Map<string, Effects & Sizes>> {
  // Batches of a run are evaluated one after the other, so that each sees all earlier ones.
  await lockRun(client, batch.runId)
  const { rows } = await client.query<{ effects: ProfessionEffects }>(
    `select effects from kki.batch
    where run_id = $1 and id <> $2 and effects is not null and state in ('planned', 'applied')
      -- A person has already examined the batches that were held.
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
  const checks: [HoldReason, keyof Effects][] = [['DEACTIVATIONS', 'deactivations']]
  if (!isFirst) checks.push(['NAMES_CHANGED', 'namesChanged'], ['LINKED', 'linked'])
  const excesses = (active?: ReadonlyMap<string, number>): Excess[] =>
    [...together].flatMap(([profession, effect]) => {
      // A batch without this effect is not held for the effects of earlier ones.
      const mine = profession === whole ? Object.values(own).reduce(add, nothing) : (own[profession] ?? nothing)
      const limit = limitOf(effect, active?.get(profession) ?? 0)
      return checks
        .filter(([, name]) => mine[name] > 0 && effect[name] > limit)
        .map(([reason, name]) => ({ reason, profession, count: effect[name], limit }))
    })
  // The limit by active licences is computed only if the other limits are exceeded, because counting the registry takes long.
  if (excesses().length === 0) return []
  const active = await countActive(
    client,
    [...together.keys()].filter(profession => profession !== whole)
  )
  const activeInAll = [...active.values()].reduce((total, count) => total + count, 0)
  return excesses(new Map(active).set(whole, activeInAll))
}

/** True for a file after an earlier file was applied. An installation that uses only files has no watermark. */
async function hasEarlierFile(client: pg.ClientBase, { kind, runId }: Batch): Promise<boolean> {
  if (kind !== 'file') return false
  const { rows } = await client.query(
    `select from kki.batch where kind = 'file' and state = 'applied' and run_id <> $1 limit 1`,
    [runId]
  )
  return rows.length > 0
}

/** A profession without rows has the smallest limit. Only a death can affect it. */
function limitOf({ rows, known }: Sizes, active: number): number {
  if (rows === 0) return alwaysAllowed
  const ofKnown = rows >= rowsForKnownShare ? known * knownShare : 0
  return Math.max(alwaysAllowed, ofKnown, active * activeShare)
}
