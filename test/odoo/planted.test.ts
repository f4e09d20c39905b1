import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { inject, kkiRecord, temporaryFolder } from '../e2e/helpers.ts'
import { runSdmk, until } from '../e2e/process.ts'
import { keepLog } from '../helpers/log.ts'
import { odooOrReason } from '../helpers/odoo.ts'
import { searchDatabase, searchFolder, type Trace, tracesIn } from '../helpers/search.ts'
import { createWorld, drained, type World } from './helpers/world.ts'

const { odoo, skip } = await odooOrReason()
let world: World
before(async () => {
  if (odoo) world = await createWorld(odoo)
})
after(async () => {
  await world?.close()
  await odoo?.close()
})

const niks = {
  person: '3171015507900007',
  corrected: '3171015507900023',
  contradicted: '3174011203850008',
  nameless: '3273014808920005',
  asStr: '3578016109880002',
  imported: '5171012501790004'
}
const names = ['Zefanya Kwartalapis', 'Bramantyo Ultramarin', 'Quintessa Obsidiana']
const secret = Object.values(niks)

function assertNone(found: readonly Trace[]): void {
  const places = [...new Set(found.map(({ where, how }) => `${where} (${how})`))]
  assert.deepEqual(places, [])
}

describe('what nobody may read', { skip }, () => {
  test('the search finds what is written in any of the ways', () => {
    const [nik = ''] = secret
    const bytes = Buffer.from(`x${nik}y`)
    for (const text of [nik, bytes.toString('hex'), `%33${nik}`, bytes.toString('base64'), JSON.stringify({ nik })]) {
      assert.notDeepEqual(tracesIn('here', text, [nik]), [], text)
    }
    assert.deepEqual(tracesIn('here', '3171015507900008', [nik]), [])
  })

  test('identity numbers stand in clear in no store and no output; names and tokens in none that is not for them', {
    skip
  }, async t => {
    const { logger, lines } = keepLog('trace')
    const { app, call, env, pool, run, secretsDir, simulator } = await world.connect(t, 'xmlrpc', { logger })
    const { key } = await createApiKey(pool, 'planted', ['runs:read'])
    const day = (date: string) => ({ tanggal_lahir: date, diubah_pada: '2026-01-01T00:00:00Z' })
    await inject(simulator, [
      { record: kkiRecord({ nik: niks.person, nama: names[0], ...day('1990-07-15') }) },
      { record: kkiRecord({ nik: niks.person, nama: names[1], ...day('1971-02-03') }) },
      { record: kkiRecord({ nik: niks.contradicted, nama: `${names[2]} 1`, ...day('1985-03-12') }) },
      { record: kkiRecord({ nik: niks.nameless, nama: 'dr. -' }) },
      { record: kkiRecord({ nik: niks.asStr, nomor_str: niks.asStr, nama: names[2] }) }
    ])
    await run({})
    const { rows } = await pool.query("select id, version from sdmk.health_worker where nik_tail = '07'")
    const shown = await call('POST', `/v1/health-workers/${rows[0].id}/reveal`, { reason: 'A test' })
    assert.deepEqual(shown.body, { nik: niks.person })
    const found = await call('POST', '/v1/health-workers/search', { nik: niks.person })
    assert.equal((found.body as { items: object[] }).items.length, 1)
    const edited = await call(
      'PATCH',
      `/v1/health-workers/${rows[0].id}`,
      { nik: niks.corrected },
      { 'if-match': `"${rows[0].version}"` }
    )
    assert.equal(edited.status, 200)
    const refused = await pool.query<{ id: number; code: string }>('select id, code from kki.rejection order by id')
    const idOf = (code: string) => refused.rows.find(row => row.code === code)?.id
    const resolved = await call('POST', `/v1/rejections/${idOf('IDENTITY_CONFLICT')}/resolve`, {
      healthWorkerId: rows[0].id
    })
    assert.ok(resolved.status < 300, JSON.stringify(resolved.body))
    const retried = await call('POST', `/v1/rejections/${idOf('NAME_MISSING')}/retry`)
    assert.ok(retried.status < 300, JSON.stringify(retried.body))
    await until('the desk is done', async () => {
      const { rows: open } = await pool.query('select from kki.run where finished_at is null')
      return open.length === 0
    })
    const file = path.join(await temporaryFolder(t), 'people.csv')
    await writeFile(file, `nik,nama,tempat_lahir,tanggal_lahir\n${niks.imported},${names[1]},Denpasar,1979-01-25\n`)
    const outputs = [
      await runSdmk(['import', file], env),
      await runSdmk(['person', 'report', '--reason', 'A test', '--json'], env, undefined, niks.corrected),
      await runSdmk(['rejections'], env),
      await runSdmk(['status'], env),
      await runSdmk(['audit', 'export'], env)
    ]
    for (const { code, stderr } of outputs) assert.equal(code, 0, stderr)
    await drained(pool)

    const metrics = (await app.inject('/metrics')).body
    const log = lines.map(line => JSON.stringify(line)).join('\n')
    assert.ok(log.length > 5000 && metrics.length > 5000)
    const secrets = createFileSecretStore(secretsDir)
    const tokens = await secrets.read('kki-token')
    const credentials = await secrets.read('kki')
    const keys = await secrets.read('nik-keys')
    const hidden = [
      key,
      tokens?.accessToken,
      tokens?.refreshToken,
      credentials?.clientSecret,
      keys?.digestKey,
      keys?.sealKey1,
      world.account.apiKey
    ]
    const never = [...secret, ...hidden.filter(text => text !== undefined)]
    assert.ok(never.length >= secret.length + 6)

    assertNone([
      ...(await searchDatabase(pool, never)),
      ...(await searchDatabase(world.theirs, never)),
      ...(await searchFolder(odoo?.folder as string, never)),
      ...tracesIn('log', log, never),
      ...tracesIn('metrics', metrics, never),
      ...outputs.flatMap(({ stdout, stderr }, i) => tracesIn(`output ${i}`, stdout + stderr, never))
    ])
    assertNone([
      ...(await searchDatabase(pool, names, ['pgboss'])),
      ...tracesIn('log', log, names),
      ...tracesIn('metrics', metrics, names),
      ...tracesIn('audit events', outputs.at(-1)?.stdout ?? '', names)
    ])
    const stored = await searchDatabase(pool, names, ['sdmk'])
    assert.ok(stored.length > 0, 'names are where they belong, and so would be found elsewhere')
  })
})
