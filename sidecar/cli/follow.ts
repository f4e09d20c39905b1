import { setTimeout as wait } from 'node:timers/promises'
import { Presets, SingleBar } from 'cli-progress'
import type pg from 'pg'
import { readRun } from '../api/bodies.ts'
import type { RunBody } from '../api/schemas.ts'
import { RecordMissing } from '../errors.ts'

const pollMs = 200

/**
 * Draws a progress bar until the run is finished, and returns the run. Without a terminal, or with `quiet`, nothing is drawn.
 *
 * @throws the signal's reason when it is aborted; the run continues.
 */
export async function followRun(
  pool: pg.Pool,
  runId: number,
  { quiet = false, signal }: { quiet?: boolean; signal?: AbortSignal } = {}
): Promise<RunBody> {
  const bar = new SingleBar(
    {
      format: ' {bar} {value}/{total} rows, {applied}/{batches} batches applied',
      hideCursor: true,
      // A file gets one line; only a terminal can redraw a bar.
      noTTYOutput: false,
      stream: process.stderr
    },
    Presets.shades_classic
  )
  if (!quiet) bar.start(1, 0, { applied: 0, batches: 1 })
  const draw = ({ batches, expectedTotal }: RunBody) => {
    const fetched = batches.reduce((sum, { ledger }) => sum + ledger.fetched, 0)
    const isFetched = batches.every(({ fetchedAt }) => fetchedAt !== null)
    bar.setTotal(isFetched ? Math.max(fetched, 1) : Math.max(expectedTotal ?? 0, fetched, 1))
    bar.update(fetched, { applied: batches.filter(({ state }) => state === 'applied').length, batches: batches.length })
  }
  try {
    for (;;) {
      const run = await readRun(pool, runId)
      if (run === null) throw new RecordMissing(`run ${runId} no longer exists`)
      if (!quiet) draw(run)
      if (run.finishedAt !== null) return run
      await wait(pollMs, undefined, signal ? { signal } : {})
    }
  } finally {
    bar.stop()
  }
}
