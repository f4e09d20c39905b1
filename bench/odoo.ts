/**
 * Measures how fast changed health workers reach Odoo: the sidecar's own relay, payloads and transports into a real Odoo, in
 * turn with other ways into the same Odoo. Records are people and registrations, one of each per health worker.
 *
 *   node bench/odoo.ts [--rows 100000] [--rounds 3] [--json]
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { professionsPayload } from '../sidecar/odoo/words.ts'
import { createDatabase } from '../sidecar/platform/database.ts'
import { startEmbeddedDatabase } from '../sidecar/platform/embedded-database.ts'
import { createLogger } from '../sidecar/platform/logger.ts'
import { migrate } from '../sidecar/platform/migrations.ts'
import { createEach, naiveConnector, type Rate, scheduledAction } from './odoo/baselines.ts'
import { copyAndMerge, finishedRows } from './odoo/floor.ts'
import { changeTenth, jobsOfAll, makePeople } from './odoo/people.ts'
import { type Measured, project, type TransportName } from './odoo/projection.ts'
import { renderTable, type SlowWays } from './odoo/render.ts'
import { startTarget, type Target, tell } from './odoo/target.ts'

/** For the slow ways, some hundred records give the same speed as a million. */
const people = { naive: 100, create: 150, action: 1500 }

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false }
  }
})
const workers = Number(values.rows)
const rounds = Number(values.rounds)
const logger = createLogger('error')
const directory = await mkdtemp(path.join(os.tmpdir(), 'sdmk-bench-odoo-'))
// PostgreSQL may run as another user.
await chmod(directory, 0o711)
const embedded = await startEmbeddedDatabase({ directory, logger })
const { pool } = createDatabase({ url: embedded.url, maxConnections: 4 }, logger)
let target: Target | undefined
try {
  await migrate({ databaseUrl: embedded.url, logger })
  console.error(`Making ${workers.toLocaleString('en')} invented people, and an Odoo …`)
  await makePeople(pool, workers)
  target = await startTarget(embedded.url)
  // Odoo's ORM accepts no registration of an unknown profession.
  await tell(target, await professionsPayload(pool))
  const results = []
  for (const transport of ['xmlrpc', 'json2'] as const) {
    console.error(`Measuring ${transport} …`)
    results.push(await measure(target, transport))
  }
  const { rows } = await pool.query<{ version: string }>(`select current_setting('server_version') as version`)
  const machine = {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    node: process.versions.node,
    postgres: rows[0]?.version ?? '',
    odoo: target.version
  }
  if (values.json) console.log(JSON.stringify({ machine, workers, results }))
  else console.log(renderTable(machine, workers, results))
} finally {
  await target?.close()
  await pool.end()
  await embedded.stop()
  await rm(directory, { recursive: true, force: true })
}

/** All ways in turn, several times over, so that slow minutes of the machine affect all of them; medians of each. */
async function measure(odoo: Target, transport: TransportName) {
  const jobs = await jobsOfAll(pool)
  const slow: Record<keyof SlowWays, Rate>[] = [await measureSlowWays(odoo)]
  const floors: { floor: Rate; floorRepeat: Rate }[] = []
  const projected: Record<string, Measured[]> = { 'all new': [], unchanged: [], '10 % changed': [] }
  let peakMb = 0
  for (let round = 0; round < rounds; round++) {
    await odoo.clear()
    await odoo.resetPeak()
    for (const [name, measured] of Object.entries(projected)) {
      if (name === '10 % changed') await changeTenth(pool)
      measured.push(await project(pool, odoo, transport, jobs))
    }
    peakMb = Math.max(peakMb, await odoo.peakMb())
    const finished = await finishedRows(odoo)
    await odoo.clear()
    floors.push({ floor: await copyAndMerge(odoo, finished), floorRepeat: await copyAndMerge(odoo, finished) })
    slow.push(await measureSlowWays(odoo))
  }
  const baselines = { ...medians(slow), ...medians(floors) }
  const measured = Object.fromEntries(
    Object.entries(projected).map(([name, some]) => [name, median(some, ({ seconds }) => seconds)])
  )
  return { transport, baselines, measured, peakMb }
}

function medians<Way extends string>(some: Record<Way, Rate>[]): Record<Way, Rate> {
  const ways = Object.keys(some[0] ?? {}) as Way[]
  return Object.fromEntries(ways.map(way => [way, median(some, rates => rates[way])[way]])) as Record<Way, Rate>
}

/** The median; for an even number the slower one of both. */
function median<T>(some: readonly T[], by: (item: T) => number): T {
  return [...some].sort((a, b) => by(a) - by(b))[Math.floor((some.length - 1) / 2)] as T
}

async function measureSlowWays(odoo: Target): Promise<SlowWays> {
  await odoo.clear()
  const naive = await naiveConnector(pool, odoo, people.naive)
  const naiveRepeat = await naiveConnector(pool, odoo, people.naive)
  const create = await createEach(pool, odoo, people.create)
  await odoo.clear()
  const action = await scheduledAction(pool, odoo, people.action)
  const actionRepeat = await scheduledAction(pool, odoo, people.action)
  return { naive, naiveRepeat, create, action, actionRepeat }
}
