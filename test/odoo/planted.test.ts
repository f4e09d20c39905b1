import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import type pg from 'pg'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { inject, kkiRecord, resolve, temporaryFolder } from '../e2e/helpers.ts'
import { runSdmk, until } from '../e2e/process.ts'
import { keepLog } from '../helpers/log.ts'
import { searchDatabase, searchFolder, type Trace, tracesIn } from '../helpers/search.ts'
import { pageOf, sendJson, startKki } from '../source/helpers/fake-kki.ts'
import { awkwardAnswers, awkwardRows, awkwardTokens, nik, plantedDigits, spelled } from './helpers/awkward-feed.ts'
import { drained, openWorld } from './helpers/world.ts'

const { odoo, skip, world } = await openWorld()

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

type Worker = { id: number; version: number }

function assertNone(found: readonly Trace[]): void {
  const places = [...new Set(found.map(({ where, how }) => `${where} (${how})`))]
  assert.deepEqual(places, [])
}

describe('data that nobody may read', { skip }, () => {
  test('the search finds a number in each of its forms', () => {
    const [nik = ''] = secret
    const bytes = Buffer.from(`x${nik}y`)
    for (const text of [nik, bytes.toString('hex'), `%33${nik}`, bytes.toString('base64'), JSON.stringify({ nik })]) {
      assert.notDeepEqual(tracesIn('here', text, [nik]), [], text)
    }
    for (const [how, spell] of Object.entries(spelled)) {
      assert.notDeepEqual(tracesIn('here', `Budi ${spell(nik)} Rekaan`, [nik.slice(0, 12)]), [], how)
    }
    assert.deepEqual(tracesIn('here', '3171015507900008', [nik]), [])
  })

  test('no store and no output has identity numbers in clear, and names and tokens are only where they belong', {
    skip
  }, async t => {
    const { logger, lines } = keepLog('trace')
    const { app, call, env, pool, run, secretsDir, simulator } = await world.connect(t, 'xmlrpc', { logger })
    const { key } = await createApiKey(pool, 'planted', ['runs:read'])
    const day = (date: string) => ({ tanggal_lahir: date, diubah_pada: '2026-01-01T00:00:00Z' })
    await inject(simulator, [
      // The older of the two with this NIK becomes the person.
      {
        record: kkiRecord({
          nik: niks.person,
          nama: names[0],
          tanggal_lahir: '1990-07-15',
          diubah_pada: '2025-12-31T00:00:00Z'
        })
      },
      { record: kkiRecord({ nik: niks.person, nama: names[1], ...day('1971-02-03') }) },
      { record: kkiRecord({ nik: niks.contradicted, nama: `${names[2]} 1`, ...day('1985-03-12') }) },
      { record: kkiRecord({ nik: niks.nameless, nama: 'dr. -' }) },
      { record: kkiRecord({ nik: niks.asStr, nomor_str: niks.asStr, nama: names[2] }) }
    ])
    await run({})
    const { rows } = await pool.query('select id, version from sdmk.health_worker where name = $1', [names[0]])
    const shown = await call('POST', `/v1/health-workers/${rows[0].id}/reveal`, { reason: 'A test' })
    assert.deepEqual(shown.body, { nik: niks.person })
    const found = await call('POST', '/v1/health-workers/search-by-nik', { nik: niks.person, reason: 'A test' })
    assert.equal((found.body as { items: object[] }).items.length, 1)
    const refused = await pool.query<{ id: number; code: string }>('select id, code from kki.rejection order by id')
    const idOf = (code: string) => refused.rows.find(row => row.code === code)?.id
    const resolved = await resolve({ call }, idOf('IDENTITY_CONFLICT') as number, { healthWorkerId: rows[0].id })
    assert.ok(resolved.status < 300, JSON.stringify(resolved.body))
    // Afterwards: without the NIK in common the row is no longer rejected.
    const now = await pool.query('select version from sdmk.health_worker where id = $1', [rows[0].id])
    const edited = await call(
      'PATCH',
      `/v1/health-workers/${rows[0].id}`,
      { nik: niks.corrected, reason: 'A test' },
      { 'if-match': `"${now.rows[0].version}"` }
    )
    assert.equal(edited.status, 200)
    const retried = await call('POST', `/v1/rejections/${idOf('NAME_MISSING')}/retry`)
    assert.ok(retried.status < 300, JSON.stringify(retried.body))
    await settled(pool)
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
      ...(await searchFolder(odoo.folder, never)),
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

  test('a feed with identity numbers in wrong fields leaves none of them anywhere', {
    skip,
    timeout: 1_800_000
  }, async t => {
    const kki = await startKki(t)
    const { logger, lines } = keepLog('trace')
    // A page that fails is not asked for again, and a breaker that has opened soon lets another one through.
    const settings = { KKI_BASE_URL: kki.url, KKI_RETRIES: '0', KKI_BREAKER_RESET: '100' }
    const { app, call, env, pool, run, secretsDir } = await world.connect(t, 'xmlrpc', { logger, env: settings })
    const bodies: unknown[] = []
    const ask = async (...request: Parameters<typeof call>) => {
      const answer = await call(...request)
      bodies.push(answer.body)
      return answer
    }

    const rows = awkwardRows()
    kki.answerList = (_request, response) => sendJson(response, 200, pageOf(rows))
    const applied = await run({})
    assert.equal(applied.state, 'applied')
    assert.ok((applied.batches[0]?.ledger.rejected ?? 0) > 50, JSON.stringify(applied.batches))
    const licence = rows.at(-1) as Record<string, unknown>
    const ending = { ...licence, nama: `Budi ${nik()}`, status_str: 'DICABUT', diubah_pada: '2026-01-02T00:00:00Z' }
    kki.answerList = (_request, response) => sendJson(response, 200, pageOf([ending]))
    assert.equal((await run({})).batches[0]?.ledger.deactivated, 1, 'a deactivation is not lost')

    const { rows: refused } = await pool.query<{ id: number; str: string | null }>(
      'select id, str_number as str from kki.rejection order by id'
    )
    for (const { id } of refused) assert.equal((await ask('GET', `/v1/rejections/${id}`)).status, 200)
    const [retriable] = refused.filter(({ str }) => str !== null)
    kki.answerList = (_request, response) => sendJson(response, 200, { data: [rows[0]] })
    assert.ok((await ask('POST', `/v1/rejections/${retriable?.id}/retry`)).status < 300)
    await settled(pool)
    assert.ok((await ask('POST', '/v1/rejections/reprocess', {})).status < 300)
    await settled(pool)

    const answers = Object.entries(awkwardAnswers(kki))
    for (const [what, answer] of answers) {
      kki.answerList = (_request, response) => answer(response)
      assert.equal((await run({})).state, 'failed', what)
    }
    for (const [what, answer] of Object.entries(awkwardTokens())) {
      kki.answerList = (_request, response) => sendJson(response, 401, {})
      kki.answerToken = (_form, response) => answer(response)
      assert.equal((await run({})).state, 'failed', what)
    }
    kki.answerToken = (_form, response) => kki.issue(response)
    // Four pages share a transaction. Once a cursor is stored, the walk ends.
    const cursors = Array.from({ length: 6 }, () => nik())
    kki.answerList = async ({ url }, response) => {
      const next = cursors[cursors.indexOf(url.searchParams.get('kursor') ?? '') + 1]
      if (next !== undefined) return sendJson(response, 200, pageOf([kkiRecord()], next))
      await until('a cursor is stored', async () => {
        const { rows } = await pool.query(`select from kki.batch where state = 'fetching' and cursor is not null`)
        return rows.length === 1
      })
      sendJson(response, 403, {})
    }
    assert.equal((await run({})).state, 'failed')
    const repeated = nik()
    kki.answerList = (_request, response) => sendJson(response, 200, pageOf([kkiRecord()], repeated))
    assert.equal((await run({})).state, 'failed')
    kki.answerList = (_request, response) => sendJson(response, 503, {}, { 'retry-after': nik() })
    const waiting = await ask('POST', '/v1/runs', {})
    await until('the batch waits', async () => lines.some(({ msg }) => /waits until KKI may be called again/.test(msg)))
    assert.ok((await ask('POST', `/v1/runs/${(waiting.body as RunBody).id}/cancel`)).status < 300)

    const [worker = assert.fail('the licence is not there')] = (
      (await ask('POST', '/v1/health-workers/search', { str: licence.nomor_str })).body as { items: Worker[] }
    ).items
    for (const edit of [{ name: `Budi ${nik()}` }, { birthPlace: `Bandung ${nik()}` }, { titleSuffix: nik() }]) {
      const etag = { 'if-match': `"${worker.version}"` }
      assert.equal((await ask('PATCH', `/v1/health-workers/${worker.id}`, edit, etag)).status, 400)
    }
    const spaced = nik().replace(/(....)/g, '$1 ')
    const reveal = await ask('POST', `/v1/health-workers/${worker.id}/reveal`, { reason: `to compare with ${spaced}` })
    assert.equal(reveal.status, 400)
    const file = path.join(await temporaryFolder(t), 'people.csv')
    await writeFile(file, `nik,nama,tempat_lahir,tanggal_lahir\n,Budi ${nik()},Denpasar,1979-01-25\n`)
    const broken = path.join(await temporaryFolder(t), 'broken.csv')
    await writeFile(broken, `nik,nama\n${nik()},"Budi\n`)
    const outputs = [
      await runSdmk(['import', file], env),
      await runSdmk(['import', broken], env),
      await runSdmk(['rejections', 'dismiss', '--reason', `As for ${nik()}`], env),
      await runSdmk(['rejections'], env),
      await runSdmk(['status'], env),
      await runSdmk(['audit', 'export'], env)
    ]
    assert.deepEqual(
      outputs.map(({ code }) => code),
      [0, 1, 64, 0, 0, 0]
    )
    await drained(pool)

    const never = [plantedDigits]
    assertNone([
      ...(await searchDatabase(pool, never)),
      ...(await searchDatabase(world.theirs, never)),
      ...(await searchFolder(odoo.folder, never)),
      ...(await searchFolder(secretsDir, never)),
      ...lines.flatMap(line => tracesIn(`log: ${line.msg}`, JSON.stringify(line), never)),
      ...tracesIn('metrics', (await app.inject('/metrics')).body, never),
      ...bodies.flatMap(body => tracesIn('an answer of the API', JSON.stringify(body), never)),
      ...outputs.flatMap(({ stdout, stderr }, i) => tracesIn(`output ${i}`, stdout + stderr, never))
    ])
  })
})

/** Waits until no run is under way. */
function settled(pool: pg.Pool): Promise<void> {
  return until('no run is under way', async () => {
    const { rows } = await pool.query('select from kki.run where finished_at is null')
    return rows.length === 0
  })
}
