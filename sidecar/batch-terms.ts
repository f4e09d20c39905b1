/** Terms for batches, which are the same in the API, the database, Odoo and the metrics. */

export const batchStates = [
  'queued',
  'fetching',
  'staged',
  'planned',
  'held',
  'applied',
  'undone',
  'failed',
  'cancelled',
  'discarded',
  'superseded'
] as const
export type BatchState = (typeof batchStates)[number]

/** A job works on the batch, or will. In SQL it is `kki.is_under_way(state)`. */
export const underWayStates = ['queued', 'fetching', 'staged', 'planned'] as const satisfies BatchState[]

/** The batch has not ended: it is under way or on hold. In SQL it is `kki.is_open(state)`. */
export const openStates = [...underWayStates, 'held'] as const satisfies BatchState[]

/** Every row of the batch has an outcome, planned or applied. In SQL it is `kki.has_outcomes(state)`. */
export const statesWithOutcomes = ['planned', 'held', 'applied', 'undone'] as const satisfies BatchState[]

/** States in which no job works on the batch; the most urgent for a person first. */
export const restingStates = [
  'failed',
  'held',
  'cancelled',
  'undone',
  'discarded',
  'superseded',
  'applied'
] as const satisfies BatchState[]

export const isUnderWay = isOneOf<BatchState>(underWayStates)
export const isOpen = isOneOf<BatchState>(openStates)
export const hasOutcomes = isOneOf<BatchState>(statesWithOutcomes)

/** Kinds of batches that walk KKI's list. In SQL it is `kki.is_walk(kind)`. */
export const walkKinds = ['incremental', 'window', 'full'] as const
export type WalkKind = (typeof walkKinds)[number]

/** The other kinds have the same states and ledger; `file` are rows of a file that KKI sent. */
export const batchKinds = [...walkKinds, 'file', 'import', 'retry', 'decision', 'clock', 'check'] as const
export type BatchKind = (typeof batchKinds)[number]

export const isWalk = isOneOf<BatchKind>(walkKinds)

/** Kinds whose rows come from KKI without a person's decision: the gate examines their plans. */
export const isGated = (kind: BatchKind): boolean => isWalk(kind) || kind === 'file'

/** The counters of a batch. */
export const ledgerCounters = [
  'fetched',
  'created',
  'linked',
  'updated',
  'unchanged',
  'superseded',
  'rejected',
  'deactivated'
] as const

/**
 * In an applied batch `fetched` is the sum of the six outcomes. `deactivated` counts licences that stopped being active,
 * and not rows, so it is outside the sum.
 */
export type Ledger = PerCounter<number>
export type PerCounter<T> = Record<(typeof ledgerCounters)[number], T>

function isOneOf<T extends string>(set: readonly T[]): (word: T) => boolean {
  return word => set.includes(word)
}

/** Returns an object with the value of `of` for each counter. */
export function perCounter<T>(of: (counter: keyof Ledger) => T): PerCounter<T> {
  return Object.fromEntries(ledgerCounters.map(counter => [counter, of(counter)])) as PerCounter<T>
}
