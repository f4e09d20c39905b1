/**
 * Lets this service and dlt store the same feed, in turn: a full walk of a simulated KKI, then the same walk again. dlt
 * reads it with its `rest_api` source and merges it into PostgreSQL by STR and profession; it does no matching of people.
 *
 *   node bench/peers.ts [--rows 200000] [--rounds 3] [--shared-buffers 1GB] [--json]
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { measureRun } from './load/measured.ts'
import { type DltRun, installDlt, openDlt } from './peers/dlt.ts'
import { countFeed, type Feed } from './peers/feed.ts'
import { type PeerCase, render } from './peers/render.ts'
import { openWorld, type World } from './world.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    'shared-buffers': { type: 'string', default: '1GB' },
    json: { type: 'boolean', default: false }
  }
})
const rows = Number(values.rows)
const rounds = Number(values.rounds)
/** The default page size of the service. */
const pageSize = 500

const python = await installDlt()
const cases: PeerCase[] = ['first load', 'the same again'].map(name => ({ name, service: [], dlt: [] }))
let feed: Feed | undefined
for (let round = 1; round <= rounds; round++) {
  console.error(`Round ${round} of ${rounds}`)
  feed = await measureRound()
}
if (feed === undefined) throw new Error('--rounds is at least 1')
console.log(values.json ? JSON.stringify({ feed, cases }) : render(feed, cases))

/** A new world, with an empty database for each of the two. */
async function measureRound(): Promise<Feed> {
  await using world = await openWorld({ rows, sharedBuffers: values['shared-buffers'] })
  const directory = await mkdtemp(path.join(os.tmpdir(), 'sdmk-bench-dlt-'))
  try {
    const counted = await countFeed(world.kki, pageSize)
    const runDlt = await openDlt(world, { python, directory, pageSize })
    for (const { service, dlt } of cases) {
      const own = await settled(world, () => measureRun(world, 'full'))
      assert.equal(own.rows, counted.rows, 'the service has stored each row')
      service.push(own)
      const peer = await settled(world, runDlt)
      assertArrived(peer, counted)
      dlt.push(peer)
    }
    return counted
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** PostgreSQL's pending writes of one must not count as the other's cost. */
async function settled<T>(world: World, work: () => Promise<T>): Promise<T> {
  await world.pool.query('checkpoint')
  return work()
}

function assertArrived({ read, kept, stored }: DltRun, feed: Feed): void {
  assert.deepEqual({ rows: read, withKey: kept, keys: stored }, feed, 'dlt has stored each row with its key')
}
