/**
 * Measures runs of the sidecar, with all features, against the minimum that PostgreSQL needs to store their finished rows
 * (`load/floor.ts`), in turn, several times; and against two simpler ways.
 *
 *   node bench/load.ts [--rows 1000000] [--rounds 3] [--shared-buffers 1GB] [--json]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createLogger } from '../sidecar/platform/logger.ts'
import { type Ceiling, measureCeiling } from './ceiling.ts'
import { pageByPage, rowByRow, type Taken } from './load/baselines.ts'
import { createFloor, exportRows } from './load/floor.ts'
import { type Measured, measureRun } from './load/measured.ts'
import { requirePsql } from './load/psql.ts'
import { type Case, render } from './load/render.ts'
import { openWorld } from './world.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    'shared-buffers': { type: 'string', default: '1GB' },
    json: { type: 'boolean', default: false }
  }
})
const rows = Number(values.rows)
const rounds = Number(values.rounds)
/** For the simple ways, some thousand rows give the same speed as a million. */
const plainRows = Math.min(rows, 20_000)
const pageSize = 500

requirePsql()
const logger = createLogger('error')
const cases: Case[] = [{ name: 'first load' }, { name: '10 % changed' }, { name: 'nothing changed' }].map(
  ({ name }) => ({
    name,
    runs: [],
    floors: []
  })
)
const plain: { rowByRow: Taken[]; pageByPage: Taken[] } = { rowByRow: [], pageByPage: [] }
const idleMb: number[] = []
const ceilings: Ceiling[] = []
for (let round = 1; round <= rounds; round++) {
  console.error(`Round ${round} of ${rounds}`)
  await measureRound()
}
const machine = {
  cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
  cores: os.availableParallelism(),
  memoryGb: Math.round(os.totalmem() / 2 ** 30),
  node: process.versions.node
}
if (values.json) console.log(JSON.stringify({ machine, rows, idleMb, cases, plain, ceilings }))
else console.log(render({ machine, rows, idleMb, cases, plain, ceilings }))

/** A new world and a new floor; each case runs on both, one after the other. */
async function measureRound(): Promise<void> {
  await using world = await openWorld({
    rows,
    sharedBuffers: values['shared-buffers'],
    // KKI's clock advances by a day, but must not pass our own clock.
    simulatorArgs: ['--behind', '86400'],
    env: { KKI_CLOCK_TOLERANCE: '100000' }
  })
  const directory = await mkdtemp(path.join(os.tmpdir(), 'sdmk-bench-floor-'))
  try {
    const [first, changed, same] = cases as [Case, Case, Case]
    ceilings.push(await measureCeiling(world.kki, pageSize))
    idleMb.push(await world.sidecars[0].residentMb())
    const take = async (into: Case): Promise<Measured> => {
      const measured = await measureRun(world, 'full')
      into.runs.push(measured)
      return measured
    }
    const floor = await createFloor(world, logger)
    await take(first)
    const loaded = await exportRows(world.ownerUrl, directory, 'loaded')
    plain.rowByRow.push(await rowByRow(floor.url, loaded, plainRows))
    plain.pageByPage.push(await pageByPage(floor.url, loaded, plainRows))
    const fresh = await createFloor(world, logger)
    first.floors.push(await fresh.load(loaded))
    await world.kki.control('/_days', {})
    await take(changed)
    const renewed = await exportRows(world.ownerUrl, directory, 'renewed')
    changed.floors.push(await fresh.merge(renewed))
    await take(same)
    same.floors.push(await fresh.merge(renewed))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
