import { setFlagsFromString } from 'node:v8'

/**
 * Keeps the heap of this process small, for work on any number of rows. On a machine with much memory, V8 lets the heap of a
 * busy process grow to several times the size of its live objects. Collecting at two fifths above the size in use keeps the
 * process at two thirds of that. A tenth took about 10 MB less, and about a fifth more processor time for each row
 * (docs/explain/performance.md). Marking starts when four fifths of that room are used, and at once at nine tenths; by default it
 * started again immediately.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=40')
  setFlagsFromString('--incremental-marking-soft-trigger=80')
  setFlagsFromString('--incremental-marking-hard-trigger=90')
}
