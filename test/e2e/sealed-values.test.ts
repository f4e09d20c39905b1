import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import { createDatabase } from '../../sidecar/platform/database.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { silent } from '../helpers/server.ts'
import { sealUnbound } from '../registry/helpers.ts'
import { type Connector, inject, kkiRecord, startConnector, waitForRun } from './helpers.ts'
import { runSdmk, until } from './process.ts'

const sitiNik = '3171014507900007'
const budiNik = '3171010507900015'
const sitiNewNik = '3171014507900023'
const nikColumns = ['nik_digest', 'nik_sealed']
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

type Problem = { code: string; detail: string }
interface Fault {
  actor: string
  column: string
  row: string
  fault: string
}

/** Two people in the registry, and an attacker with the service's database login but no key. */
async function setUp(t: TestContext) {
  const connector = await startConnector(t)
  const { app, call, pool, run, simulator } = connector
  await inject(simulator, [
    { id: 'siti', record: kkiRecord({ nama: 'Siti Aminah', nik: sitiNik, tanggal_lahir: '1990-07-05' }) },
    { id: 'budi', record: kkiRecord({ nama: 'Budi Hartono', nik: budiNik, tanggal_lahir: '1990-07-05' }) }
  ])
  assert.equal((await run({})).state, 'applied')
  const { rows } = await pool.query<{ id: number }>('select id from sdmk.health_worker order by name desc')
  const [siti, budi] = rows.map(({ id }) => id) as [number, number]
  // Apart from the service, which restarts.
  const url = app.database.pool.options.connectionString ?? ''
  const { pool: attacker } = createDatabase({ url, maxConnections: 1 }, silent)
  t.after(() => attacker.end())
  const { rows: login } = await attacker.query('select current_user as name')
  assert.equal(login[0].name, 'sdmk_service')
  const post = (url: string, body: object) => call('POST', url, { reason: 'A test', ...body })
  return {
    ...connector,
    connector,
    siti,
    budi,
    /** Runs a statement with the service's login. */
    attack: (text: string, values: unknown[] = []) => attacker.query(text, values),
    reveal: (id: number) => post(`/v1/health-workers/${id}/reveal`, {}),
    post,
    /** Swaps columns of two people. A NIK is unique, so that one of them has none in between. */
    async swap(columns: readonly string[]) {
      const { rows: found } = await attacker.query(
        `select ${columns.join(', ')} from sdmk.health_worker where id in ($1, $2) order by id = $1`,
        [siti, budi]
      )
      const set = (id: number, values: Record<string, unknown>) =>
        attacker.query(
          `update sdmk.health_worker set ${columns.map((name, i) => `${name} = $${i + 2}`).join(', ')} where id = $1`,
          [id, ...columns.map(name => values[name])]
        )
      const [ofBudi, ofSiti] = found
      if (columns.includes('nik_digest')) {
        await attacker.query('update sdmk.health_worker set nik_digest = sha256(nik_digest) where id = $1', [budi])
      }
      await set(siti, ofBudi)
      await set(budi, ofSiti)
    },
    async faults(): Promise<Fault[]> {
      const { rows: events } = await pool.query(
        `select actor, detail ->> 'column' as column, detail ->> 'row' as row, detail ->> 'fault' as fault
        from kki.audit_event where action = 'seal.unfit' order by id`
      )
      return events
    },
    async revealed(): Promise<number> {
      const { rows: events } = await pool.query(
        `select count(*) as n from kki.audit_event where action = 'health_worker.nik_revealed'`
      )
      return events[0].n
    },
    async counted(): Promise<number> {
      const { body } = await app.inject('/metrics')
      return Number(/^sdmk_unfit_seals (\d+)$/m.exec(body)?.[1])
    }
  }
}

async function stateOf(pool: Connector['pool'], batchId: number): Promise<string> {
  return (await pool.query('select state from kki.batch where id = $1', [batchId])).rows[0].state
}

type Scene = Awaited<ReturnType<typeof setUp>>

function assertUnfit({ status, body }: { status: number; body: unknown }, place: RegExp) {
  const { code, detail } = body as Problem
  assert.deepEqual([status, code], [409, 'SEAL_UNFIT'], JSON.stringify(body))
  assert.match(detail, place)
  assert.ok(!/\d{14}/.test(detail), 'neither NIK nor STR')
}

async function edit({ call }: Connector, id: number, body: object) {
  const { body: person } = await call('GET', `/v1/health-workers/${id}`)
  const { version } = person as { version: number }
  return call('PATCH', `/v1/health-workers/${id}`, { reason: 'A test', ...body }, { 'if-match': `"${version}"` })
}

function sdmk({ pool, secretsDir }: Connector, args: string[], input = '') {
  const env = { SDMK_DATABASE_URL: pool.options.connectionString ?? '', SDMK_SECRETS_DIR: secretsDir }
  return runSdmk(args, env, undefined, input)
}

describe('an attacker with the service’s database login and no key', () => {
  for (const columns of [['nik_sealed'], nikColumns]) {
    test(`does not get one person’s NIK shown as another’s by swapping ${columns.join(', ')}`, async t => {
      const scene = await setUp(t)
      const { siti, budi, swap, reveal, faults, revealed, counted, connector } = scene
      assert.equal(await counted(), 0)
      await swap(columns)
      for (const id of [siti, budi]) assertUnfit(await reveal(id), new RegExp(`of health worker ${id}: `))
      assertUnfit(await edit(connector, siti, { nik: sitiNewNik }), /health worker/)
      assert.equal(await revealed(), 0)
      const found = await faults()
      const place = (id: number) => ({ column: 'sdmk.health_worker.nik_sealed', row: `health worker ${id}` })
      assert.deepEqual(
        found,
        [siti, budi, siti].map(id => ({ actor: 'test', ...place(id), fault: 'altered' }))
      )
      assert.equal(await counted(), 3)
      // Nothing is lost: other values can be set, and a repair brings all of it back.
      assert.equal((await edit(connector, siti, { sex: 'female' })).status, 200)
      await swap(columns)
      assert.deepEqual((await reveal(siti)).body, { nik: sitiNik })
      assert.deepEqual((await reveal(budi)).body, { nik: budiNik })
    })
  }

  test('does not get a NIK shown next to the digest of another one', async t => {
    const { siti, attack, reveal, faults, revealed } = await setUp(t)
    await attack('update sdmk.health_worker set nik_digest = sha256(nik_digest) where id = $1', [siti])
    assertUnfit(await reveal(siti), /does not match the digest/)
    assert.deepEqual((await faults())[0]?.fault, 'digest')
    assert.equal(await revealed(), 0)
  })

  test('does not get one person a report with another person’s data', async t => {
    const { connector, swap, faults } = await setUp(t)
    const report = () => sdmk(connector, ['person', 'report', '--reason', 'A letter', '--json'], `${sitiNik}\n`)
    assert.equal((await report()).code, 0)
    await swap(nikColumns)
    const { code, stdout, stderr } = await report()
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /health worker \d+: the sealed value was altered/)
    assert.equal((await faults()).length, 1)
  })

  test('cannot use a value of another table or column for a person, but an older one of the same place', async t => {
    const { siti, attack, reveal, connector } = await setUp(t)
    const { rows: older } = await attack('select nik_digest, nik_sealed from sdmk.health_worker where id = $1', [siti])
    assert.equal((await edit(connector, siti, { nik: sitiNewNik })).status, 200)
    assert.deepEqual((await reveal(siti)).body, { nik: sitiNewNik })
    const put = ({ digest, sealed }: { digest: Buffer; sealed: Buffer }) =>
      attack('update sdmk.health_worker set nik_digest = $2, nik_sealed = $3 where id = $1', [siti, digest, sealed])
    const { rows: changed } = await attack(
      `select decode(substr(health_worker_before ->> 'nik_digest', 3), 'hex') as digest,
        decode(substr(health_worker_before ->> 'nik_sealed', 3), 'hex') as sealed
      from kki.change where operation = 'edited'`
    )
    await put(changed[0])
    assertUnfit(await reveal(siti), /altered/)
    // The owner of the database alone can read this one.
    const { rows: former } = await connector.pool.query(
      'select nik_digest as digest, nik_sealed as sealed from sdmk.former_nik'
    )
    await put(former[0])
    assertUnfit(await reveal(siti), /altered/)
    const { rows: page } = await attack('select body_sealed as sealed from kki.staged_page limit 1')
    if (page[0]) {
      await put({ digest: changed[0].digest, sealed: page[0].sealed })
      assertUnfit(await reveal(siti), /altered/)
    }
    // SECURITY.md says so: a value that was copied before it was replaced fits its place for ever.
    await put({ digest: older[0].nik_digest, sealed: older[0].nik_sealed })
    assert.deepEqual((await reveal(siti)).body, { nik: sitiNik })
  })

  test('cannot move a staged NIK: its batch fails, and the next batch stores the right one', async t => {
    const { attack, call, post, run, simulator, pool, faults, siti, budi } = await setUp(t)
    await pool.query('update sdmk.health_worker set nik_digest = null, nik_sealed = null, nik_at = null')
    const { rows: stored } = await pool.query(
      'select name, str_number from sdmk.health_worker h join sdmk.registration r on r.health_worker_id = h.id order by name desc'
    )
    const niks = [sitiNik, budiNik]
    await inject(
      simulator,
      stored.map(({ name, str_number }, i) => ({
        id: ['siti', 'budi'][i] as string,
        record: kkiRecord({
          nomor_str: str_number,
          nama: name,
          nik: niks[i],
          tanggal_lahir: '1990-07-05',
          diubah_pada: ago(10 - i)
        })
      }))
    )
    const held = await run({ mode: 'full', apply: 'hold' })
    const batches = held.batches.filter(({ state }) => state === 'held')
    const batch = batches.find(({ ledger }) => ledger.fetched > 0) as BatchBody
    assert.ok(batch, JSON.stringify(held))
    const staged = `batch_${batch.id}.staged_row`
    await attack(`update ${staged} a set nik_sealed = b.nik_sealed from ${staged} b where a.row_no <> b.row_no`)
    const { body } = await call('GET', `/v1/batches/${batch.id}`)
    const { planDigest } = body as { planDigest: string }
    await call('POST', `/v1/batches/${batch.id}/apply`, { planDigest })
    await until('the batch ends', async () => (await stateOf(pool, batch.id)) !== 'held')
    const { rows: after } = await pool.query('select state, error_code from kki.batch where id = $1', [batch.id])
    assert.deepEqual(after, [{ state: 'failed', error_code: 'SDMK_SEAL_UNFIT' }])
    assert.equal((await faults()).length, 1)
    const { rows: people } = await pool.query('select count(nik_sealed) as n from sdmk.health_worker')
    assert.equal(people[0].n, 0)
    assert.equal((await run({ mode: 'full' })).state, 'applied')
    assert.deepEqual((await post(`/v1/health-workers/${siti}/reveal`, {})).body, { nik: sitiNik })
    assert.deepEqual((await post(`/v1/health-workers/${budi}/reveal`, {})).body, { nik: budiNik })
  })
})

interface Waiting {
  id: number
  candidates: number[]
}

/** A conflict about the licence of each of the two people. */
async function withConflicts(t: TestContext) {
  const scene = await setUp(t)
  const { call, pool, run, simulator } = scene
  const { rows: stored } = await pool.query(
    `select h.name, r.str_number from sdmk.health_worker h join sdmk.registration r on r.health_worker_id = h.id
    order by h.name desc`
  )
  await inject(
    simulator,
    stored.map(({ str_number }, i) => ({
      id: ['siti', 'budi'][i] as string,
      record: kkiRecord({ nomor_str: str_number, nama: ['Wati Kusuma', 'Joko Santoso'][i], diubah_pada: ago(10 - i) })
    }))
  )
  await run({})
  const { body } = await call('GET', '/v1/rejections?state=open&code=IDENTITY_CONFLICT')
  const { items } = body as { items: Waiting[] }
  const ofSiti = items.find(({ candidates }) => candidates[0] === scene.siti) as Waiting
  const ofBudi = items.find(({ candidates }) => candidates[0] === scene.budi) as Waiting
  assert.ok(ofSiti && ofBudi, JSON.stringify(items))
  return { ...scene, ofSiti, ofBudi, licences: stored.map(row => row.str_number as string) }
}

type Swap = (scene: Scene & { ofSiti: Waiting; ofBudi: Waiting }) => Promise<unknown>

const contents = ['raw_sealed', 'content_digest', 'nik_digest', 'name_key', 'source_at']
const swapContents =
  (columns: readonly string[]): Swap =>
  ({ attack }) =>
    attack(
      `update kki.rejection_occurrence a set ${columns.map(name => `${name} = b.${name}`).join(', ')}
      from kki.rejection_occurrence b where a.rejection_id <> b.rejection_id`
    )

const swaps: [string, Swap][] = [
  ['the sealed rows', swapContents(['raw_sealed'])],
  ['the sealed rows with all that is stored of them', swapContents(contents)],
  [
    'which rejection the rows belong to',
    ({ attack, ofSiti, ofBudi }) =>
      attack(
        `update kki.rejection_occurrence set rejection_id = $1::bigint + $2::bigint - rejection_id
        where rejection_id in ($1, $2)`,
        [ofSiti.id, ofBudi.id]
      )
  ],
  [
    'the STRs of the rejections',
    async ({ attack, ofSiti, ofBudi }) => {
      const { rows } = await attack('select id, subject from kki.rejection where id in ($1, $2)', [
        ofSiti.id,
        ofBudi.id
      ])
      await attack(`update kki.rejection set subject = 'x' where id = $1`, [rows[0].id])
      for (const [i, { id }] of [rows[1], rows[0]].entries()) {
        await attack('update kki.rejection set subject = $2, str_number = $2 where id = $1', [id, rows[i].subject])
      }
    }
  ]
]

describe('rejected rows whose sealed values were moved', () => {
  for (const [what, swap] of swaps) {
    test(`are not shown, decided or re-evaluated: ${what}`, async t => {
      const scene = await withConflicts(t)
      const { call, post, pool, faults, ofSiti, ofBudi, siti, licences } = scene
      await swap(scene)
      assertUnfit(await call('GET', `/v1/rejections/${ofSiti.id}`), /raw_sealed of batch \d+ row \d+: /)
      assertUnfit(await post(`/v1/rejections/${ofSiti.id}/resolve`, { healthWorkerId: siti }), /raw_sealed/)
      const reprocessed = await call('POST', '/v1/rejections/reprocess', { ids: [ofSiti.id, ofBudi.id] })
      const { runId, rows, unfit } = reprocessed.body as Record<string, unknown>
      assert.deepEqual([reprocessed.status, runId, rows, unfit], [202, null, 0, 2], JSON.stringify(reprocessed.body))
      assert.equal((await faults()).length, 4)
      const { rows: decisions } = await pool.query('select from kki.decision')
      assert.equal(decisions.length, 0)
      const { rows: held } = await pool.query('select str_number from sdmk.registration where health_worker_id = $1', [
        siti
      ])
      assert.deepEqual(held, [{ str_number: licences[0] }])
    })
  }

  test('do not stop the re-evaluation of others, and KKI can still be asked for their STRs', async t => {
    const { attack, call, post, pool, faults, ofSiti, ofBudi } = await withConflicts(t)
    await attack(
      `update kki.rejection_occurrence set raw_sealed = set_byte(raw_sealed, 20, get_byte(raw_sealed, 20) # 1) where rejection_id = $1`,
      [ofSiti.id]
    )
    const reprocessed = await call('POST', '/v1/rejections/reprocess', { ids: [ofSiti.id, ofBudi.id] })
    const { runId, rows, unfit } = reprocessed.body as Record<string, number>
    assert.deepEqual([rows, unfit], [1, 1])
    await waitForRun(id => call('GET', `/v1/runs/${id}`), runId as number)
    const retried = await post('/v1/rejections/retry', { ids: [ofSiti.id], reason: undefined })
    assert.equal(retried.status, 202, JSON.stringify(retried.body))
    assert.equal((await faults()).length, 2)
    const { rows: asked } = await pool.query('select str_number = str_asked as is_canonical from kki.retry_item')
    assert.deepEqual(asked, [{ is_canonical: true }])
  })

  test('are found if the source of the rejection was changed', async t => {
    const { attack, call, ofSiti } = await withConflicts(t)
    await attack(`update kki.rejection set source = 'sdmk' where id = $1`, [ofSiti.id])
    assertUnfit(await call('GET', `/v1/rejections/${ofSiti.id}`), /raw_sealed/)
  })
})

describe('sealing again', () => {
  const rotate = async (connector: Connector, ...args: string[]) => {
    const { code, stdout, stderr } = await sdmk(connector, ['keys', 'rotate', '--wait', '0', '--json', ...args])
    return { code, result: JSON.parse(stdout || '{}'), stderr }
  }

  test('leaves a moved value unchanged, names it, seals the others, and keeps the key that it needs', async t => {
    const { connector, siti, budi, swap, reveal, faults, pool } = await withConflicts(t)
    await pool.query('select kki.drop_staging(id) from kki.batch')
    await swap(nikColumns)
    const { code, result } = await rotate(connector)
    assert.equal(code, 1)
    const unfit = [siti, budi]
      .sort((a, b) => a - b)
      .map(id => ({ column: 'sdmk.health_worker.nik_sealed', row: `health worker ${id}`, fault: 'altered' }))
    result.unfit.sort((a: Fault, b: Fault) => (a.row < b.row ? -1 : 1))
    unfit.sort((a, b) => (a.row < b.row ? -1 : 1))
    assert.deepEqual(result, { sealKeyId: 2, resealed: 2, left: { 'sdmk.health_worker': 2 }, unfit, forgotten: [] })
    assert.equal((await faults()).length, 2)
    assert.deepEqual((await rotate(connector, '--forget')).result.forgotten, [])
    await connector.restart({})
    assertUnfit(await reveal(siti), /altered/)
    await swap(nikColumns)
    const again = await rotate(connector)
    assert.deepEqual([again.code, again.result.resealed, again.result.left], [0, 2, {}])
    assert.deepEqual((await rotate(connector, '--forget')).result.forgotten, [1])
    await connector.restart({})
    assert.deepEqual((await reveal(siti)).body, { nik: sitiNik })
    assert.deepEqual((await reveal(budi)).body, { nik: budiNik })
  })

  test('binds a value of the former version to its row, unless it belongs to another row', async t => {
    const { connector, siti, budi, reveal, pool, secretsDir } = await setUp(t)
    await pool.query('select kki.drop_staging(id) from kki.batch')
    const { sealKey1 = '' } = (await createFileSecretStore(secretsDir).read('nik-keys')) ?? {}
    const put = (id: number, nik: string) =>
      pool.query('update sdmk.health_worker set nik_sealed = $2 where id = $1', [id, sealUnbound(sealKey1, 'nik', nik)])
    await put(siti, sitiNik)
    await put(budi, sitiNik)
    assertUnfit(await reveal(siti), /former version/)
    const { result } = await rotate(connector)
    assert.deepEqual(result.unfit, [
      { column: 'sdmk.health_worker.nik_sealed', row: `health worker ${budi}`, fault: 'digest' }
    ])
    await connector.restart({})
    assert.deepEqual((await reveal(siti)).body, { nik: sitiNik })
    assertUnfit(await reveal(budi), /former version/)
  })
})
