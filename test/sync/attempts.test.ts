import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type pg from 'pg'
import { throwawayIdentity } from '../../sidecar/identity/keys.ts'
import { createLogger } from '../../sidecar/platform/logger.ts'
import type { JobQueue } from '../../sidecar/platform/queue.ts'
import { createTraceId } from '../../sidecar/platform/trace-context.ts'
import { FenceLost } from '../../sidecar/registry/errors.ts'
import { loadMapping } from '../../sidecar/source/load.ts'
import type { KkiClient, KkiPage, PageQuery } from '../../sidecar/source/types.ts'
import { approveBatch } from '../../sidecar/sync/approve.ts'
import { maxAttempts, maxLost } from '../../sidecar/sync/attempts.ts'
import { type Batch, readBatch } from '../../sidecar/sync/batch.ts'
import type { BatchJob } from '../../sidecar/sync/batch-job.ts'
import { fetchRun } from '../../sidecar/sync/fetch-batch.ts'
import type { SyncMetrics } from '../../sidecar/sync/metrics.ts'
import { createRun, type RunRequest } from '../../sidecar/sync/run.ts'
import { ensureSetting } from '../../sidecar/sync/settings.ts'
import { orderUndo } from '../../sidecar/sync/undo-batch.ts'
import { workOnBatch } from '../../sidecar/sync/work-on-batch.ts'
import { createTransform } from '../../sidecar/transform/transform.ts'
import { kkiRecord } from '../e2e/helpers.ts'
import { createTestDatabase } from '../helpers/database.ts'

const mapping = await loadMapping(new URL('../../contracts/sources/kki.json', import.meta.url).pathname)
const transform = createTransform(mapping)
/** Stands in the messages of errors that are no errors of ours; nobody must ever read it. */
const planted = 'Siti Rekaan 3171010101900001'
const timeZone = 'Asia/Jakarta'
const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: createTraceId() }

interface Sent {
  queue: string
  data: { runId: number } | BatchJob
}

/** The work of a service without its queue: queued jobs are done here, attempt after attempt and without pauses. */
async function setUp(t: TestContext) {
  const { pool: owner, database } = await createTestDatabase(t)
  await database.withTransaction(client => ensureSetting(client, '0 2 * * *'))
  const sent: Sent[] = []
  const log: string[] = []
  const queue = {
    send: async (name: string, data: Sent['data']) => String(sent.push({ queue: name, data }))
  } as unknown as JobQueue
  const metrics = new Proxy({}, { get: () => async () => undefined }) as SyncMetrics
  const logger = createLogger('debug', { write: line => void log.push(line) })
  type Rows = Record<string, unknown>[]
  let pages: (query: PageQuery) => Rows | Promise<Rows> = () => []
  const kki: KkiClient = {
    now: async () => Date.now(),
    fetchPage: async query => toPage(await pages(query), query),
    fetchByStr: async () => null,
    canAskByStr: true,
    counting: null,
    breakerState: 0,
    close: async () => undefined
  }
  const identity = throwawayIdentity()
  const options = {
    pageSize: 2,
    batchRows: 1000,
    maxPages: 100,
    overlapSeconds: 0,
    settleSeconds: 0,
    maxSkewSeconds: 0
  }
  const common = { database, queue, identity, metrics, logger, transform }
  const fetching = { ...common, kki, mapping, options }
  const applying = { ...common, timeZone, rejectHoldRatio: 1 }
  const review = { queue, identity, mapping, reader: { transform, mappingOf: () => mapping }, maxSkewSeconds: 0 }
  const signal = new AbortController().signal

  const attempt = ({ data }: Sent) =>
    'runId' in data ? fetchRun(fetching, data.runId, signal) : workOnBatch(applying, review, data, signal)

  return {
    owner,
    database,
    sent,
    log,
    attempt,
    applying,
    serve: (next: typeof pages) => {
      pages = next
    },
    order: (request: RunRequest = { mode: 'incremental' }) =>
      database.withTransaction(client => createRun(client, queue, mapping, request, { triggeredBy: 'api', caller })),
    inTransaction: database.withTransaction,
    /** Runs queued jobs until none is left, and retries failed ones like the queue. Returns the attempts. */
    async work(): Promise<number> {
      let attempts = 0
      for (let job = sent.shift(); job; job = sent.shift()) {
        for (let isDone = false; !isDone; attempts++) {
          assert.ok(attempts < 100, 'a job is tried without end')
          isDone = await attempt(job).then(
            () => true,
            () => false
          )
        }
      }
      return attempts
    },
    batch: async (id: number) => (await readBatch(database.pool, id)) as Batch
  }
}

/** Pages of two rows; the cursor is the number of the next row. */
function toPage(rows: Record<string, unknown>[], { cursor, limit }: PageQuery): KkiPage {
  const from = Number(cursor ?? 0)
  const body = Buffer.from(JSON.stringify({ data: rows.slice(from, from + limit) }))
  const next = from + limit
  const { data } = JSON.parse(String(body))
  return {
    rows: data,
    received: data.length,
    fingerprint: null,
    keys: [],
    body,
    nextCursor: next < rows.length ? String(next) : null,
    total: rows.length,
    sourceNow: Date.now(),
    release: () => undefined
  }
}

/** Makes every write to a table fail with an error of the database that quotes a person. */
async function breakTable(
  owner: pg.Pool,
  table: string,
  event = 'insert or update or delete',
  when = ''
): Promise<void> {
  await owner.query(`create function public.broken() returns trigger language plpgsql as
    $$ begin raise exception '${planted}' using errcode = '22012', detail = '${planted}'; end $$`)
  await owner.query(
    `create trigger broken before ${event} on ${table} for each row ${when} execute function public.broken()`
  )
}

const repair = (owner: pg.Pool) => owner.query('drop function public.broken cascade')

/** Gives a function of the schema a body that fails. */
async function breakFunction(owner: pg.Pool, name: string): Promise<() => Promise<unknown>> {
  const { rows } = await owner.query<{ definition: string; arguments: string; result: string }>(
    `select pg_get_functiondef(oid) as definition, pg_get_function_arguments(oid) as arguments,
      pg_get_function_result(oid) as result
    from pg_proc where pronamespace::regnamespace || '.' || proname = $1 order by oid desc limit 1`,
    [name]
  )
  const { definition, arguments: args, result } = rows[0] as (typeof rows)[number]
  await owner.query(`create or replace function ${name}(${args}) returns ${result} language plpgsql as
    $$ begin raise exception '${planted}' using errcode = '22012'; end $$`)
  return () => owner.query(definition)
}

const people = Array.from({ length: 7 }, () => kkiRecord())
/** Rows of every kind: new people, changes of known ones, deactivations, and rejected rows. */
const changed = [
  kkiRecord(),
  { ...people[0], nama: 'Orang Rekaan Baru', diubah_pada: '2026-02-01T00:00:00Z' },
  { ...people[1], status_str: 'DICABUT', diubah_pada: '2026-02-01T00:00:00Z' },
  { ...people[2], nik: people[3]?.nik, diubah_pada: '2026-02-01T00:00:00Z' },
  kkiRecord({ profesi: 'DUKUN' }),
  kkiRecord({ nomor_str: people[4]?.nomor_str, profesi: 'DOKTER GIGI', nik: people[4]?.nik, nama: people[4]?.nama })
]

async function setUpKnown(t: TestContext) {
  const s = await setUp(t)
  s.serve(() => people)
  await s.order()
  await s.work()
  s.serve(() => [...people, ...changed])
  return s
}

function assertFailed({ state, errorCode, errorDetail }: Batch, log: string[]) {
  assert.deepEqual([state, errorCode], ['failed', 'SDMK_BATCH_FAULT'])
  assert.match(errorDetail ?? '', /unexpected error in each of 5 attempts/)
  assert.doesNotMatch(errorDetail ?? '', /Siti|3171/)
  assert.deepEqual(
    log.filter(line => /Siti|3171010101900001/.test(line)),
    []
  )
}

test('a walk continues after the process of its batch was lost', async t => {
  const { database, sent, attempt, work, serve, order } = await setUp(t)
  const records = Array.from({ length: 10 }, () => kkiRecord())
  let hasTaken = false
  serve(async ({ cursor }) => {
    if (cursor === '8' && !hasTaken) {
      hasTaken = true
      // As a process does that slept for longer than its job: it takes the batch, and ends without a word.
      await database.pool.query('update kki.batch set fence = fence + 1')
    }
    return records
  })
  await order()
  const [job] = sent.splice(0)
  await assert.rejects(attempt(job as Sent), FenceLost, 'the job goes back to the queue')
  await attempt(job as Sent)
  await work()
  const { rows } = await database.pool.query('select state, fetched, attempts from kki.batch')
  assert.deepEqual(rows, [{ state: 'applied', fetched: 10, attempts: 0 }])
})

const steps: { table: string; event?: string; when?: string }[] = [
  { table: 'kki.staged_page' },
  { table: 'kki.staged_row' },
  { table: 'kki.staged_unchanged' },
  { table: 'kki.staged_rejection' },
  { table: 'kki.batch', event: 'update', when: "when (new.state = 'fetching')" },
  { table: 'kki.batch', event: 'update', when: 'when (new.fetched_at is not null and old.fetched_at is null)' },
  { table: 'kki.batch', event: 'update', when: "when (new.state = 'planned')" },
  { table: 'kki.batch', event: 'update', when: "when (new.state = 'applied')" },
  { table: 'kki.run', event: 'update', when: 'when (new.source_time is not null and old.source_time is null)' },
  { table: 'kki.plan_row' },
  { table: 'sdmk.str_number' },
  { table: 'sdmk.health_worker', event: 'insert' },
  { table: 'sdmk.health_worker', event: 'update' },
  { table: 'sdmk.registration', event: 'insert' },
  { table: 'sdmk.registration', event: 'update' },
  { table: 'kki.change' },
  { table: 'kki.rejection' },
  { table: 'kki.rejection_occurrence' },
  { table: 'kki.watermark' },
  { table: 'kki.audit_event', event: 'insert', when: "when (new.action = 'batch.applied')" }
]

describe('an error of the database at each write', { concurrency: 2 }, () => {
  for (const { table, event, when } of steps) {
    test(`of ${table} ${event ?? ''} ${when ?? ''}fails the batch with its reason, and later runs work`, async t => {
      const s = await setUpKnown(t)
      await breakTable(s.owner, table, event, when)
      const { batchIds } = await s.order()
      const attempts = await s.work()
      assert.ok(attempts >= maxAttempts && attempts <= maxAttempts + 1, `${attempts} attempts`)
      assertFailed(await s.batch(batchIds[0] as number), s.log)
      await repair(s.owner)
      const next = await s.order()
      await s.work()
      assert.equal((await s.batch(next.batchIds[0] as number)).state, 'applied')
    })
  }
})

describe('an error of the database within a step', { concurrency: 2 }, () => {
  for (const name of ['sdmk.same_person', 'sdmk.names_compatible', 'sdmk.match_evidence', 'kki.changed_fields']) {
    test(`in ${name} fails the batch, and later runs work`, async t => {
      const s = await setUpKnown(t)
      const mend = await breakFunction(s.owner, name)
      const { batchIds } = await s.order()
      await s.work()
      assertFailed(await s.batch(batchIds[0] as number), s.log)
      await mend()
      const next = await s.order()
      await s.work()
      assert.equal((await s.batch(next.batchIds[0] as number)).state, 'applied')
    })
  }
})

describe('a foreign error', { concurrency: 2 }, () => {
  const foreign = () => {
    throw new TypeError(planted)
  }

  test('from the first page on fails the batch', async t => {
    const s = await setUpKnown(t)
    s.serve(foreign)
    const { batchIds } = await s.order()
    assert.equal(await s.work(), maxAttempts)
    const batch = await s.batch(batchIds[0] as number)
    assertFailed(batch, s.log)
    assert.match(batch.errorDetail ?? '', /TypeError/)
  })

  test('on a later page fails the batch once no attempt makes progress', async t => {
    const s = await setUpKnown(t)
    const rows = Array.from({ length: 40 }, () => kkiRecord())
    s.serve(({ cursor }) => (Number(cursor ?? 0) >= 20 ? foreign() : rows))
    const { batchIds } = await s.order()
    await s.work()
    assertFailed(await s.batch(batchIds[0] as number), s.log)
    assert.ok((await s.batch(batchIds[0] as number)).pages > 0)
    s.serve(() => rows)
    const next = await s.order()
    await s.work()
    assert.equal((await s.batch(next.batchIds[0] as number)).state, 'applied')
  })

  test('between plan and apply fails the batch', async t => {
    const s = await setUpKnown(t)
    Object.defineProperty(s.applying, 'timeZone', { get: foreign })
    const { batchIds } = await s.order()
    await s.work()
    assertFailed(await s.batch(batchIds[0] as number), s.log)
  })

  test('that is temporary does no harm, however often it comes while the walk makes progress', async t => {
    const s = await setUpKnown(t)
    const rows = Array.from({ length: 200 }, () => kkiRecord())
    let calls = 0
    s.serve(() => (++calls % 12 === 0 ? foreign() : rows))
    const { batchIds } = await s.order()
    const attempts = await s.work()
    assert.ok(attempts > maxAttempts, `${attempts} attempts`)
    const { state, fetched } = await s.batch(batchIds[0] as number)
    assert.deepEqual([state, fetched], ['applied', 200])
  })
})

describe('causes outside the batch', { concurrency: 2 }, () => {
  test('an outage of the database does not count', async t => {
    const s = await setUpKnown(t)
    let outages = 20
    s.serve(() => {
      if (outages-- > 0) throw Object.assign(new Error('the database system is shutting down'), { code: '57P01' })
      return people
    })
    const { batchIds } = await s.order()
    assert.ok((await s.work()) > 20)
    assert.equal((await s.batch(batchIds[0] as number)).state, 'applied')
  })

  test('lost processes have a higher limit, and then fail the batch too', async t => {
    const s = await setUpKnown(t)
    const { batchIds } = await s.order()
    const [id] = batchIds as [number]
    // As many attempts began and none has ended.
    await s.owner.query('update kki.batch set attempts = $2 where id = $1', [id, maxLost - 1])
    await s.work()
    assert.equal((await s.batch(id)).state, 'applied')
    const next = await s.order()
    const [lost] = next.batchIds as [number]
    await s.owner.query('update kki.batch set attempts = $2 where id = $1', [lost, maxLost])
    await s.work()
    const { state, errorCode } = await s.batch(lost)
    assert.deepEqual([state, errorCode], ['failed', 'SDMK_BATCH_WORKER_LOST'])
  })
})

describe('orders of people', { concurrency: 2 }, () => {
  test('a held batch that cannot be applied as approved fails', async t => {
    const s = await setUpKnown(t)
    const run = await s.order()
    await s.owner.query(`update kki.batch set hold_asked = array['REQUESTED'] where id = $1`, [run.batchIds[0]])
    await s.work()
    const batch = await s.batch(run.batchIds[0] as number)
    assert.equal(batch.state, 'held')
    await breakTable(s.owner, 'kki.change')
    await s.inTransaction(client =>
      approveBatch(client, s.applying.queue, batch.id, { planDigest: batch.planDigest as string, caller })
    )
    assert.equal(await s.work(), maxAttempts)
    assertFailed(await s.batch(batch.id), s.log)
  })

  test('a batch that cannot be undone stays applied, and the audit says why', async t => {
    const s = await setUpKnown(t)
    const run = await s.order()
    await s.work()
    const id = run.batchIds[0] as number
    await breakTable(s.owner, 'sdmk.registration')
    await s.inTransaction(client => orderUndo(client, s.applying.queue, id, { reason: 'test', caller }))
    assert.equal(await s.work(), maxAttempts)
    assert.equal((await s.batch(id)).state, 'applied')
    const { rows } = await s.owner.query<{ detail: { code: string; reason: string } }>(
      `select detail from kki.audit_event where action = 'batch.undo_failed'`
    )
    assert.equal(rows.length, 1)
    assert.equal(rows[0]?.detail.code, 'SDMK_BATCH_FAULT')
    assert.match(rows[0]?.detail.reason ?? '', /DatabaseError 22012/)
  })
})
