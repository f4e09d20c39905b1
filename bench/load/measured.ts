import type { ProcessorTime, World } from '../world.ts'

const pollMs = 100

/** The cost of a run of the sidecar. */
export interface Measured {
  rows: number
  seconds: number
  /** For the sidecar's process, during the run. */
  peakMb: number
  walMb: number
  batches: number
  /** Seconds that batches spent in each phase; several run at a time. */
  phases: Record<string, number>
  processor: ProcessorTime
}

/** Posts a run, follows it to its end and returns its cost. @throws if it is not applied as a whole */
export async function measureRun(world: World, mode: 'full' | 'incremental'): Promise<Measured> {
  const [sidecar] = world.sidecars
  const before = await phasesOf(world)
  const start = await walPosition(world)
  let peakMb = await sidecar.residentMb()
  const watch = setInterval(async () => {
    peakMb = Math.max(peakMb, await sidecar.residentMb())
  }, pollMs)
  const { result: run, processor } = await world
    .withProcessorTime(async () => world.followRun(await world.startRun({ mode })))
    .finally(() => clearInterval(watch))
  const { id } = run
  if (run.state !== 'applied') throw new Error(`run ${id} is ${run.state} instead of applied`)
  const { rows } = await world.pool.query<{ seconds: number; rows: number; batches: number; walMb: number }>(
    `select extract(epoch from max(b.finished_at) - min(r.created_at))::float as seconds, sum(b.fetched)::int as rows,
      count(*)::int as batches, (pg_wal_lsn_diff(pg_current_wal_lsn(), $2) / 1048576)::float as "walMb"
    from kki.run r join kki.batch b on b.run_id = r.id where r.id = $1`,
    [id, start]
  )
  const after = await phasesOf(world)
  const phases = Object.fromEntries(Object.entries(after).map(([phase, s]) => [phase, s - (before[phase] ?? 0)]))
  return { ...(rows[0] as Pick<Measured, 'seconds' | 'rows' | 'batches' | 'walMb'>), peakMb, phases, processor }
}

async function walPosition({ pool }: World): Promise<string> {
  const { rows } = await pool.query<{ position: string }>('select pg_current_wal_lsn()::text as position')
  return (rows[0] as { position: string }).position
}

/** Returns the sums of the metric `sdmk_kki_batch_duration_seconds`. */
async function phasesOf({ sidecars: [{ url }] }: World): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const sums = text.matchAll(/^sdmk_kki_batch_duration_seconds_sum\{phase="(\w+)"\} (\S+)$/gm)
  return Object.fromEntries([...sums].map(([, phase, sum]) => [phase, Number(sum)]))
}
