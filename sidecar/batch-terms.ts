/** What is said of a batch has the same words everywhere: in the API, the database, Odoo and the metrics. */

export const batchStates = [
  'queued',
  'fetching',
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

/** Batches of the first three kinds walk KKI's list; the others have the same life and ledger. */
export const batchKinds = ['incremental', 'window', 'full', 'import', 'retry', 'decision', 'clock'] as const
export type BatchKind = (typeof batchKinds)[number]

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
 * Where a batch is applied, `fetched` is the sum of the six outcomes. `deactivated` counts licences that went from active
 * to an ended state, not rows, so it is outside the sum.
 */
export type Ledger = PerCounter<number>
export type PerCounter<T> = Record<(typeof ledgerCounters)[number], T>

/** Returns what `of` says of each counter. */
export function perCounter<T>(of: (counter: keyof Ledger) => T): PerCounter<T> {
  return Object.fromEntries(ledgerCounters.map(counter => [counter, of(counter)])) as PerCounter<T>
}
