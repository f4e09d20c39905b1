import { setTimeout as wait } from 'node:timers/promises'
import { MultiBar, Presets } from 'cli-progress'
import type pg from 'pg'
import { readRun } from '../api/bodies.ts'
import type { BatchBody, RunBody } from '../api/schemas.ts'
import { RecordMissing } from '../errors.ts'

const pollMs = 200

/**
 * Draws one progress bar per batch until the run is finished, and returns the run. Without a terminal, or with `quiet`,
 * nothing is drawn.
 *
 * @throws the signal's reason when it is aborted; the run goes on without us.
 */
export async function followRun(
  pool: pg.Pool,
  runId: number,
  { quiet = false, signal }: { quiet?: boolean; signal?: AbortSignal } = {}
): Promise<RunBody> {
  const bars = new MultiBar(
    {
      format: ' {bar} {partition} {state} {value}/{total} rows',
      hideCursor: true,
      // One line per batch and no redrawing where the output is a file: only a terminal shows bars.
      noTTYOutput: false,
      stream: process.stderr
    },
    Presets.shades_classic
  )
  const drawn = new Map<number, ReturnType<MultiBar['create']>>()
  const draw = (batch: BatchBody) => {
    const total = Math.max(batch.expectedTotal ?? 0, batch.ledger.fetched + batch.passedOver, 1)
    const value = batch.fetchedAt === null ? batch.ledger.fetched + batch.passedOver : total
    const payload = { partition: batch.partition.padEnd(36), state: batch.state.padEnd(8) }
    const bar = drawn.get(batch.id) ?? bars.create(total, value, payload)
    drawn.set(batch.id, bar)
    bar.setTotal(total)
    bar.update(value, payload)
  }
  try {
    for (;;) {
      const run = await readRun(pool, runId)
      if (run === null) throw new RecordMissing(`run ${runId} is gone`)
      if (!quiet) run.batches.forEach(draw)
      if (run.finishedAt !== null) return run
      await wait(pollMs, undefined, signal ? { signal } : {})
    }
  } finally {
    bars.stop()
  }
}
