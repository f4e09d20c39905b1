import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createQueue, type Job, type JobQueue } from '../../sidecar/platform/queue.ts'
import { presentContext } from '../../sidecar/platform/tracing.ts'
import { until } from '../e2e/process.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'

async function setUp(t: TestContext, shutdownTimeoutSeconds = 5) {
  const { url, database } = await createTestDatabase(t)
  const queue = await createQueue({ url, shutdownTimeoutSeconds }, silent)
  t.after(() => queue.close())
  return { url, database, queue }
}

/** Handles jobs and resolves with the data of the first that satisfies. */
async function firstJob(queue: JobQueue, name: 'kki-fetch' | 'kki-apply'): Promise<object> {
  const { promise, resolve } = Promise.withResolvers<object>()
  await queue.work(name, async ({ data }) => resolve(data), { concurrency: 1 })
  return promise
}

test('a job that is sent in a transaction exists if the transaction is committed, and only then', async t => {
  const { database, queue } = await setUp(t)
  await assert.rejects(
    database.withTransaction(async client => {
      assert.notEqual(await queue.send('kki-fetch', { batchId: 1 }, { client, singletonKey: '1' }), null)
      throw new Error('rolled back')
    }),
    /rolled back/
  )
  await database.withTransaction(client => queue.send('kki-fetch', { batchId: 2 }, { client, singletonKey: '2' }))
  const { rows } = await database.pool.query(`select data from pgboss.job where name = 'kki-fetch'`)
  assert.deepEqual(rows, [{ data: { batchId: 2 } }])
  assert.deepEqual(await firstJob(queue, 'kki-fetch'), { batchId: 2 })
})

test('only one job of a key waits at a time, and jobs of other keys pass', async t => {
  const { queue } = await setUp(t)
  assert.notEqual(await queue.send('kki-apply', {}, { singletonKey: 'a' }), null)
  assert.equal(await queue.send('kki-apply', {}, { singletonKey: 'a' }), null)
  assert.notEqual(await queue.send('kki-apply', {}, { singletonKey: 'b' }), null)
})

test('a running job can send its own successor', async t => {
  const { queue } = await setUp(t)
  const seen: number[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  await queue.work<{ turn: number }>(
    'kki-fetch',
    async ({ data }) => {
      seen.push(data.turn)
      if (data.turn === 2) return resolve()
      assert.notEqual(await queue.send('kki-fetch', { turn: data.turn + 1 }, { singletonKey: 'a' }), null)
    },
    { concurrency: 2 }
  )
  await queue.send('kki-fetch', { turn: 1 }, { singletonKey: 'a' })
  await promise
  assert.deepEqual(seen, [1, 2])
})

test('waiting jobs follow each other at once, one at a time or many', async t => {
  const { database, queue } = await setUp(t)
  const count = 100
  let done = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const oneMore = () => {
    if (++done === 2 * count) resolve()
  }
  for (let n = 0; n < count; n++) await queue.send('kki-apply', {}, { singletonKey: String(n) })
  const pairs = Array.from({ length: count }, (_, n) => ({ n }))
  await database.withTransaction(client => queue.sendMany('odoo-state', pairs, client))
  const started = performance.now()
  await queue.work('kki-apply', async () => oneMore(), { concurrency: 1 })
  const handleTwo = async (jobs: Job<object>[]) =>
    jobs.map(({ id }) => {
      oneMore()
      return { id, isDone: true }
    })
  await queue.workMany('odoo-state', handleTwo, { atATime: 2 })
  await promise
  const seconds = (performance.now() - started) / 1000
  t.diagnostic(`${count} jobs, and ${count} two by two, in ${seconds.toFixed(1)} s`)
  // With a poll of half a second between them 50 seconds and 25.
  assert.ok(seconds < 25, `${seconds} s`)
})

test('of jobs that are handled together, unfinished ones are tried again, and all of them after a defect', async t => {
  const { database, queue } = await setUp(t)
  await database.withTransaction(client => queue.sendMany('odoo-state', [{ n: 1 }, { n: 2 }, { n: 3 }], client))
  const turns: number[][] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = new Set<number>()
  let isRejected = false
  await queue.workMany<{ n: number }>(
    'odoo-state',
    async jobs => {
      turns.push(jobs.map(({ data }) => data.n))
      if (turns.length === 1) throw new Error('a defect')
      return jobs.map(({ id, data: { n } }) => {
        const isDone = n !== 2 || isRejected
        if (isDone) done.add(n)
        else isRejected = true
        if (done.size === 3) resolve()
        return { id, isDone }
      })
    },
    { atATime: 10 }
  )
  await promise
  const [first, ...later] = turns
  assert.deepEqual(first?.sort(), [1, 2, 3])
  assert.deepEqual(later.flat().sort(), [1, 2, 2, 3])
})

test('a job that throws is tried again', async t => {
  const { queue } = await setUp(t)
  const attempts: number[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  await queue.work(
    'kki-fetch',
    async ({ retryCount }) => {
      attempts.push(retryCount)
      if (retryCount === 0) throw new Error('a defect')
      resolve()
    },
    { concurrency: 1 }
  )
  await queue.send('kki-fetch', {}, { singletonKey: 'a' })
  await promise
  assert.deepEqual(attempts, [0, 1])
})

test('closing aborts a running job, which goes back to the queue', async t => {
  const { url, queue, database } = await setUp(t)
  const { promise: started, resolve } = Promise.withResolvers<void>()
  await queue.work(
    'kki-fetch',
    async ({ signal }) => {
      resolve()
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
    { concurrency: 1 }
  )
  await queue.send('kki-fetch', { batchId: 1 }, { singletonKey: '1' })
  await started
  await queue.close()
  const { rows } = await database.pool.query(`select state from pgboss.job where name = 'kki-fetch'`)
  assert.deepEqual(rows, [{ state: 'retry' }])
  const next = await createQueue({ url, shutdownTimeoutSeconds: 5 }, silent)
  t.after(() => next.close())
  assert.deepEqual(await firstJob(next, 'kki-fetch'), { batchId: 1 })
})

test('only the attempt that holds a job can complete it, with its transaction', async t => {
  const { queue, database } = await setUp(t)
  const answers: boolean[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  await queue.work(
    'kki-apply',
    async job => {
      const complete = (retryCount: number) =>
        database.withTransaction(client => queue.complete('kki-apply', { id: job.id, retryCount }, client))
      answers.push(await complete(job.retryCount + 1), await complete(job.retryCount))
      resolve()
    },
    { concurrency: 1 }
  )
  await queue.send('kki-apply', {}, { singletonKey: 'a' })
  await promise
  assert.deepEqual(answers, [false, true])
})

test('a job of a killed process is run by another, within 15 seconds on an idle machine', {
  timeout: 300_000
}, async t => {
  const { url, queue } = await setUp(t)
  const child = fork(fileURLToPath(new URL('./queue-child.ts', import.meta.url)), [url])
  t.after(() => child.kill('SIGKILL'))
  const busy = new Promise<void>(resolve => child.on('message', message => message === 'busy' && resolve()))
  await once(child, 'message')
  await queue.send('kki-fetch', { batchId: 7 }, { singletonKey: '7' })
  await busy
  child.kill('SIGKILL')
  const killed = performance.now()
  assert.deepEqual(await firstJob(queue, 'kki-fetch'), { batchId: 7 })
  const seconds = (performance.now() - killed) / 1000
  t.diagnostic(`run again after ${seconds.toFixed(1)} s`)
  // A bound for a busy machine; without heartbeats it would take the hours until a job expires.
  assert.ok(seconds < 120, `${seconds} s`)
})

test('after the clock of the database was set back, jobs and the search for lost workers do not wait for the former time', async t => {
  const { queue, database } = await setUp(t)
  await queue.send('kki-fetch', { key: 'new' }, { singletonKey: 'new' })
  await queue.send('kki-fetch', { key: 'retried' }, { singletonKey: 'retried' })
  await queue.send('kki-fetch', { key: 'postponed' }, { singletonKey: 'postponed', startAfterSeconds: 3600 })
  const ofDatabase = async (text: string) => (await database.pool.query(text)).rows
  const aheadTimes = `select from pgboss.queue where greatest(monitor_claim_on, maintain_on) > now() + interval '1 minute'`
  // What they would be if the clock had been a day ahead for a while.
  await ofDatabase(
    `update pgboss.job set created_on = created_on + interval '1 day', start_after = start_after + interval '1 day'`
  )
  await ofDatabase(`update pgboss.job set state = 'retry', created_on = now() where singleton_key = 'retried'`)
  await ofDatabase(
    `update pgboss.queue set monitor_claim_on = now() + interval '1 day', maintain_on = now() + interval '1 day'`
  )
  assert.ok((await ofDatabase(aheadTimes)).length > 0)

  assert.equal(await queue.followClock(), 3)
  assert.equal(await queue.followClock(), 0)
  assert.deepEqual(await ofDatabase(aheadTimes), [])
  const waiting = await ofDatabase(
    `select singleton_key as key, round(extract(epoch from start_after - now()) / 60)::int as minutes from pgboss.job
    where start_after > now() order by 1`
  )
  assert.deepEqual(waiting, [{ key: 'postponed', minutes: 60 }], 'a pause that was asked for stays')
  const seen = new Set<unknown>()
  await queue.work<{ key: string }>('kki-fetch', async ({ data }) => void seen.add(data.key), { concurrency: 1 })
  await until('both jobs are done', async () => seen.has('new') && seen.has('retried'))
})

test('jobs that are handled together continue their common trace, or start their own', async t => {
  const { database, queue } = await setUp(t)
  const seen: (string | undefined)[] = []
  await queue.workMany<{ n: number }>(
    'odoo-state',
    async jobs => {
      seen.push(presentContext()?.traceId)
      return jobs.map(({ id }) => ({ id, isDone: true }))
    },
    { atATime: 10 }
  )
  const [one, other] = ['a'.repeat(32), 'b'.repeat(32)]
  const job = (traceId: string | undefined) => ({
    n: 1,
    ...(traceId && { traceparent: `00-${traceId}-${'c'.repeat(16)}-01` })
  })
  for (const [traces, count] of [
    [[one, undefined, one], 1],
    [[one, other], 2],
    [[undefined], 3]
  ] as const) {
    await database.withTransaction(client => queue.sendMany('odoo-state', traces.map(job), client))
    await until('they are handled', async () => seen.length === count)
  }
  assert.equal(seen[0], one)
  assert.ok(
    seen.slice(1).every(traceId => /^[0-9a-f]{32}$/.test(traceId ?? '') && traceId !== one && traceId !== other)
  )
})

test('a failed job stores the class and code of its error, not its text', async t => {
  const { database, queue } = await setUp(t)
  const fail = async () => {
    const error = new TypeError('invalid: Orang Rahasia', { cause: new Error('Orang Rahasia') })
    throw Object.assign(error, { code: 'ERR_X', detail: 'Orang Rahasia' })
  }
  await queue.work('kki-fetch', fail, { concurrency: 1 })
  await queue.work('kki-apply', async () => {}, { concurrency: 1, idsOf: fail })
  await queue.workMany('odoo-state', fail, { atATime: 2 })
  await database.withTransaction(async client => {
    await queue.send('kki-fetch', {}, { client })
    await queue.send('kki-apply', {}, { client })
    await queue.sendMany('odoo-state', [{}, {}], client)
  })
  const outputs = async () => {
    const { rows } = await database.pool.query<{ output: string }>(
      'select output::text as output from pgboss.job where output is not null'
    )
    return rows.map(({ output }) => output)
  }
  await until('all have failed', async () => (await outputs()).length === 4)
  for (const output of await outputs()) {
    assert.match(output, /TypeError \(ERR_X\)/)
    assert.doesNotMatch(output, /Rahasia/)
  }
})
