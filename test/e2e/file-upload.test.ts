import assert from 'node:assert/strict'
import { readdir, readlink, stat } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { maintain } from '../../sidecar/sync/maintenance.ts'
import { csvOf, header, letters, line } from '../helpers/council-list.ts'
import { silent } from '../helpers/server.ts'
import { startConnector, waitForRun } from './helpers.ts'
import { until } from './process.ts'

const address = '/v1/runs/file?format=csv&asOf=2026-11-01T00:00:00Z'
const listOf = (count: number) =>
  csvOf([header, ...Array.from({ length: count }, (_, i) => line(i + 1, { name: `Orang ${letters(i)}` }))])

async function setUp(t: TestContext) {
  const connector = await startConnector(t)
  const { app, key, pool, call } = connector
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/octet-stream' }
  const send = async (payload: string) => {
    const response = await app.inject({ method: 'POST', url: address, headers, payload })
    return { status: response.statusCode, body: response.json() }
  }
  const show = async (id: number) => (await call('GET', `/v1/runs/${id}`)).body as RunBody
  const stored = async () => {
    const { rows } = await pool.query(`select
      (select count(*)::int from kki.staged_row) as staged, (select count(*)::int from sdmk.registration) as registrations`)
    return rows[0] as { staged: number; registrations: number }
  }
  /** Keeps rows from being stored until the returned function is called. */
  const holdUp = async () => {
    const client = await pool.connect()
    await client.query('begin; lock table kki.staged_page in share update exclusive mode')
    let isOver = false
    const release = async () => {
      if (isOver) return
      isOver = true
      await client.query('rollback')
      client.release()
    }
    t.after(release)
    return release
  }
  const isHeldUp = async () => {
    const { rowCount } = await pool.query(
      `select from pg_locks l join pg_stat_activity a using (pid)
      where not l.granted and l.relation = 'kki.staged_page'::regclass and a.datname = current_database()`
    )
    return rowCount === 1
  }
  /** The sizes of files of this process that have no name. */
  const openFiles = async () => {
    const open = (await readdir('/proc/self/fd')).map(fd => `/proc/self/fd/${fd}`)
    const sizes = open.map(async fd =>
      /\/sdmk-[0-9a-f-]{36} \(deleted\)$/.test(await readlink(fd)) ? [(await stat(fd)).size] : []
    )
    return (await Promise.all(sizes.map(size => size.catch(() => [])))).flat()
  }
  return { ...connector, headers, send, show, stored, holdUp, isHeldUp, openFiles }
}

describe('a file that the API takes', () => {
  test('is answered once it is read, and its rows are stored after that', async t => {
    const { send, show, stored, holdUp, isHeldUp, call, openFiles } = await setUp(t)
    const release = await holdUp()
    const { status, body } = await send(listOf(900))
    assert.equal(status, 202, JSON.stringify(body))
    const run = body as RunBody
    assert.deepEqual(
      run.batches.map(({ state, ledger }) => [state, ledger.fetched]),
      [['fetching', 0]]
    )
    await until('its rows are being stored', isHeldUp)
    // One file at a time: another one waits a while for its turn.
    const second = await send(listOf(1))
    assert.deepEqual([second.status, second.body.code], [503, 'UNAVAILABLE'])
    const third = send(listOf(1))
    assert.deepEqual(await stored(), { staged: 0, registrations: 0 })
    await release()
    const done = await waitForRun(id => call('GET', `/v1/runs/${id}`), run.id)
    assert.deepEqual(
      done.batches.map(({ state, ledger }) => [state, ledger.created]),
      [['applied', 900]]
    )
    assert.equal((await show(run.id)).batches.length, 1)
    await until('the file is closed', async () => (await openFiles()).length === 0)
    assert.equal((await third).status, 202)
  })

  test('can be cancelled while its rows are stored, and then none are', async t => {
    const { pool, send, show, stored, holdUp, isHeldUp, call, openFiles } = await setUp(t)
    const release = await holdUp()
    const { body } = await send(listOf(900))
    await until('its rows are being stored', isHeldUp)
    assert.equal((await call('POST', `/v1/runs/${body.id}/cancel`)).status, 200)
    await release()
    await until('the file is closed', async () => (await openFiles()).length === 0)
    assert.deepEqual(
      (await show(body.id)).batches.map(({ state }) => state),
      ['cancelled']
    )
    assert.deepEqual(await stored(), { staged: 0, registrations: 0 })
    assert.equal((await pool.query(`select from kki.batch where state = 'failed'`)).rowCount, 0)
  })

  test('fails if the process stops before its rows are stored, and leaves nothing', async t => {
    const { pool, send, stored, holdUp, isHeldUp, stop, openFiles } = await setUp(t)
    const release = await holdUp()
    await send(listOf(9000))
    await until('its rows are being stored', isHeldUp)
    const stopped = stop()
    await release()
    await stopped
    const { rows } = await pool.query('select state, error_code, error_detail from kki.batch')
    assert.deepEqual(
      rows.map(({ state, error_code }) => [state, error_code]),
      [['failed', 'SDMK_FILE_NOT_STORED']]
    )
    assert.match(rows[0].error_detail, /the process was stopped/)
    assert.deepEqual(await stored(), { staged: 0, registrations: 0 })
    assert.deepEqual(await openFiles(), [])
  })

  test('fails by maintenance if its process is gone, and not while its process works', async t => {
    const { app, pool, send, show, holdUp, isHeldUp, call } = await setUp(t)
    const counted: string[] = []
    const metrics = { purged() {}, batchEnded: (state: string, count = 1) => void counted.push(`${count} ${state}`) }
    const keep = () =>
      maintain({
        database: app.database,
        metrics,
        logger: silent,
        rawRetentionDays: 90,
        disclosureRetentionDays: 730,
        timeZone: 'Asia/Jakarta'
      })
    const release = await holdUp()
    const { body } = await send(listOf(900))
    await until('its rows are being stored', isHeldUp)
    // The traces of a process that was killed.
    const { rows } = await pool.query<{ id: number }>(
      `with run as (
        insert into kki.run (triggered_by, mode, actor, request_id, trace_id)
        values ('operator', 'file', 'test', 'test', repeat('a', 32)) returning id
      )
      insert into kki.batch (run_id, kind, state, trace_id, fetch_started_at)
      select id, 'file', 'fetching', repeat('a', 32), now() from run returning id`
    )
    await pool.query(`update kki.batch set fetch_started_at = fetch_started_at - interval '59 seconds'`)
    await keep()
    assert.deepEqual(counted, [])
    await pool.query(`update kki.batch set fetch_started_at = fetch_started_at - interval '2 seconds'`)
    await keep()
    assert.deepEqual(counted, ['1 failed'])
    const lost = (await call('GET', `/v1/batches/${rows[0]?.id}`)).body as { state: string; error: { code: string } }
    assert.deepEqual([lost.state, lost.error.code], ['failed', 'SDMK_FILE_NOT_STORED'])
    assert.equal((await show(body.id)).batches[0]?.state, 'fetching')
    await release()
    const done = await waitForRun(id => call('GET', `/v1/runs/${id}`), body.id)
    assert.equal(done.batches[0]?.state, 'applied')
  })

  test('that takes long to read is answered before its end, and a fault at its end fails the batch', async t => {
    const { send, call, stored, openFiles } = await setUp(t)
    const timeout = AbortSignal.timeout
    t.mock.method(AbortSignal, 'timeout', (ms: number) => timeout.call(AbortSignal, ms === 30_000 ? 1 : ms))
    const bad = await send(`${listOf(9000)}\r\n2;EQ00000000000002`)
    assert.equal(bad.status, 202, JSON.stringify(bad.body))
    const failed = await waitForRun(id => call('GET', `/v1/runs/${id}`), bad.body.id)
    assert.deepEqual(
      failed.batches.map(({ state, error }) => [state, error?.code, error?.detail]),
      [
        [
          'failed',
          'IMPORT_FILE_INVALID',
          'the file, line 9002: has 2 values, and the header has 15 columns; nothing was imported'
        ]
      ]
    )
    assert.deepEqual(await stored(), { staged: 0, registrations: 0 })
    await until('the file is closed', async () => (await openFiles()).length === 0)
    const good = await send(listOf(9000))
    assert.equal(good.status, 202, JSON.stringify(good.body))
    const done = await waitForRun(id => call('GET', `/v1/runs/${id}`), good.body.id)
    assert.deepEqual(
      done.batches.map(({ state, ledger }) => [state, ledger.created]),
      [['applied', 9000]]
    )
  })

  test('is read to its end, and closed, if the caller disconnects', async t => {
    const { app, headers, call, openFiles } = await setUp(t)
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    const caller = new AbortController()
    // Node closes an open file at some time, and warns about it.
    const warnings: string[] = []
    const keep = ({ message }: Error) => void warnings.push(message)
    process.on('warning', keep)
    t.after(() => process.off('warning', keep))
    const list = listOf(9000)
    const options = { method: 'POST', headers, body: list, signal: caller.signal }
    const left = fetch(`http://127.0.0.1:${port}${address}`, options).catch(() => null)
    await until('the file has arrived', async () => (await openFiles()).includes(Buffer.byteLength(list)))
    caller.abort()
    await left
    const runs = async () => ((await call('GET', '/v1/runs')).body as { items: RunBody[] }).items
    await until('the run is there', async () => (await runs()).length > 0)
    const done = await waitForRun(id => call('GET', `/v1/runs/${id}`), (await runs())[0]?.id as number)
    assert.deepEqual(
      done.batches.map(({ ledger }) => ledger.fetched),
      [9000]
    )
    await until('the file is closed', async () => (await openFiles()).length === 0)
    assert.deepEqual(
      warnings.filter(text => text.includes('garbage collection')),
      []
    )
  })
})
