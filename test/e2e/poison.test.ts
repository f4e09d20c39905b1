import assert from 'node:assert/strict'
import { copyFile, readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import { loadIdentity } from '../../sidecar/identity/keys.ts'
import { importPeople } from '../../sidecar/import/import-people.ts'
import { readRecords } from '../../sidecar/import/read-file.ts'
import { createLogger } from '../../sidecar/platform/logger.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { loadMapping } from '../../sidecar/source/load.ts'
import { createOwnTransform } from '../../sidecar/transform/own-person.ts'
import { startKki } from '../source/helpers/fake-kki.ts'
import { type Connector, kkiRecord, startConnector, temporaryFolder, waitForRun } from './helpers.ts'

const mappingFile = new URL('../../contracts/sources/kki.json', import.meta.url).pathname
const planted = 'Siti Rekaan'

/** A row as text: what no JavaScript could write. */
function rowText(given: Record<string, unknown>, more: string): string {
  return `${JSON.stringify(kkiRecord(given)).slice(0, -1)},${more}}`
}

const million = 1_000_000
/** A bound against hanging: the machine may be busy. */
const endMs = 600_000

async function run(call: Connector['call'], body: object): Promise<RunBody> {
  const started = await call('POST', '/v1/runs', body)
  assert.equal(started.status, 202, JSON.stringify(started.body))
  return waitForRun(id => call('GET', `/v1/runs/${id}`), (started.body as RunBody).id, endMs)
}

const nasty: Record<string, { row: string; isStored: boolean }> = {
  'nested 6,000 levels deep': {
    row: rowText({}, `"lampiran":${'['.repeat(6000)}${']'.repeat(6000)}`),
    isStored: false
  },
  'nested 200,000 levels deep': {
    row: rowText({}, `"lampiran":${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`),
    isStored: false
  },
  'nested and with a long number': {
    row: rowText({ profesi: 'DUKUN' }, `"n":12345678901234567890,"lampiran":${'['.repeat(9000)}${']'.repeat(9000)}`),
    isStored: false
  },
  'of 100,000 keys': {
    row: rowText({}, Array.from({ length: 100_000 }, (_, i) => `"kunci${i}":${i}`).join()),
    isStored: true
  },
  'of 100,000 keys, and broken': {
    row: rowText({ profesi: 'DUKUN' }, Array.from({ length: 100_000 }, (_, i) => `"kunci${i}":${i}`).join()),
    isStored: false
  },
  'with the keys of every object': {
    row: rowText({}, '"__proto__":{"nama":"x"},"constructor":{"prototype":1},"toString":null,"hasOwnProperty":1'),
    isStored: true
  },
  'with the keys of every object, and broken': {
    row: rowText({ profesi: 'DUKUN' }, '"__proto__":{"__proto__":[1]},"constructor":{"prototype":1}'),
    isStored: false
  },
  'that names a key twice': { row: rowText({ nama: 'Orang Pertama' }, '"nama":"Orang Kedua"'), isStored: true },
  'with numbers beyond any range': {
    row: rowText({ profesi: 'DUKUN' }, `"a":1e400,"b":-1E-400,"c":${'9'.repeat(5000)},"tahun_lulus":1e400`),
    isStored: false
  },
  'with a key of a megabyte': { row: rowText({ profesi: 'DUKUN' }, `"${'k'.repeat(million)}":1`), isStored: false },
  'with a text of six megabytes': {
    row: rowText({ nama: 'x '.repeat(3 * million) }, '"a":1'),
    isStored: false
  },
  'with 5 MB that nobody reads': { row: rowText({}, `"foto":"${'A'.repeat(5 * million)}"`), isStored: true }
}

test('any row is stored or rejected alone, its neighbours are stored, and later runs work', async t => {
  const kki = await startKki(t)
  const { call, pool } = await startConnector(t, { env: { KKI_BASE_URL: kki.url, KKI_OVERLAP: '0' } })
  const kinds = Object.entries(nasty)
  const texts = kinds.map(([, { row }]) => [JSON.stringify(kkiRecord()), row, JSON.stringify(kkiRecord())].join())
  kki.answerList = ({ url }, response) => {
    const page = Number(url.searchParams.get('kursor') ?? 0)
    const next = page + 1 < texts.length ? `"${page + 1}"` : null
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(`{"data":[${texts[page]}],"meta":{"kursor_berikutnya":${next},"total":${texts.length * 3}}}`)
  }
  const { batches } = await run(call, { mode: 'full', professions: ['doctor'] })
  const [batch] = batches as [BatchBody]
  assert.equal(batch.state, 'applied', JSON.stringify(batch.error))
  const stored = kinds.filter(([, { isStored }]) => isStored).length
  assert.deepEqual(
    [batch.ledger.fetched, batch.ledger.created, batch.ledger.rejected],
    [3 * kinds.length, 2 * kinds.length + stored, kinds.length - stored]
  )
  const { rows } = await pool.query<{ id: number; page: number }>(
    'select r.id, o.page from kki.rejection r join kki.rejection_occurrence o on o.rejection_id = r.id order by o.page'
  )
  assert.deepEqual(
    [...new Set(rows.map(({ page }) => kinds[page - 1]?.[0]))],
    kinds.filter(([, { isStored }]) => !isStored).map(([kind]) => kind)
  )
  for (const { id, page } of rows) {
    const detail = await call('GET', `/v1/rejections/${id}`)
    assert.equal(detail.status, 200, `${kinds[page - 1]?.[0]} can be looked at`)
    const reasons = JSON.stringify((detail.body as { problems: unknown }).problems)
    if (kinds[page - 1]?.[0].startsWith('nested')) assert.match(reasons, /tooDeep|notListed/)
  }
  const numbers = rows.find(({ page }) => kinds[page - 1]?.[0] === 'with numbers beyond any range')
  const shown = JSON.stringify((await call('GET', `/v1/rejections/${numbers?.id}`)).body)
  assert.match(shown, /1e400/)
  // A re-evaluation rejects the rows again, for the same reasons.
  const again = await call('POST', '/v1/rejections/reprocess', {})
  assert.equal(again.status, 202, JSON.stringify(again.body))
  const { runId } = again.body as { runId: number }
  const judged = await waitForRun(id => call('GET', `/v1/runs/${id}`), runId, endMs)
  assert.deepEqual(
    (judged.batches as BatchBody[]).map(({ state, ledger }) => [state, ledger.rejected]),
    [['applied', kinds.length - stored]]
  )
  const next = await run(call, { mode: 'full', professions: ['doctor'] })
  assert.equal((next.batches as BatchBody[])[0]?.state, 'applied')
})

test('a line of an import that is nested too deeply is rejected, and the others are imported', async t => {
  const { app, secretsDir, call, pool } = await startConnector(t)
  const file = path.join(await temporaryFolder(t), 'deep.jsonl')
  await copyFile(new URL('deep.jsonl', import.meta.url), file)
  const lines = (await readFile(file, 'utf8')).split('\n').filter(line => line !== '')
  const identity = await loadIdentity(createFileSecretStore(secretsDir))
  const context = { queue: app.queue, identity, transform: createOwnTransform(await loadMapping(mappingFile)) }
  const caller = { actor: 'importer', apiKeyId: null, requestId: 'test', traceId: '0'.repeat(32) }
  const { runId } = await app.database.withTransaction(client =>
    importPeople(client, context, readRecords(file), { caller })
  )
  const { batches } = await waitForRun(id => call('GET', `/v1/runs/${id}`), runId, endMs)
  const { state, ledger } = batches[0] as BatchBody
  assert.deepEqual([state, ledger.fetched, ledger.created, ledger.rejected], ['applied', lines.length, 1, 1])
  const { rows } = await pool.query(
    `select r.code, r.problems -> 0 -> 'params' ->> 'reason' as reason, o.row_no from kki.rejection r
    join kki.rejection_occurrence o on o.rejection_id = r.id`
  )
  assert.deepEqual(rows, [{ code: 'SCHEMA_INVALID', reason: 'tooDeep', row_no: 2 }])
})

test('a database error ends a batch after a few attempts, and log, queue and batch do not repeat its text', async t => {
  const log: string[] = []
  const logger = createLogger('info', { write: line => void log.push(line) })
  const kki = await startKki(t)
  const { pool, call } = await startConnector(t, { logger, env: { KKI_BASE_URL: kki.url, KKI_OVERLAP: '0' } })
  kki.answerList = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(`{"data":[${JSON.stringify(kkiRecord())}],"meta":{"kursor_berikutnya":null}}`)
  }
  await pool.query(`create function public.broken() returns trigger language plpgsql as
    $$ begin raise exception '${planted}' using errcode = '22012', detail = '${planted}'; end $$`)
  await pool.query('create trigger broken before insert on sdmk.registration for each row execute function broken()')
  const started = await call('POST', '/v1/runs', { mode: 'incremental' })
  const { id } = started.body as { id: number }
  const busy = await call('POST', '/v1/runs', { mode: 'incremental' })
  assert.equal(busy.status, 409)
  const failed = await waitForRun(number => call('GET', `/v1/runs/${number}`), id, endMs)
  const [batch] = failed.batches as [BatchBody]
  assert.equal(batch.state, 'failed')
  assert.equal(batch.error?.code, 'SDMK_BATCH_FAULT')
  assert.match(batch.error?.detail ?? '', /DatabaseError 22012/)
  await pool.query('drop function broken cascade')
  assert.equal(((await run(call, { mode: 'incremental' })).batches as BatchBody[])[0]?.state, 'applied')
  const { rows } = await pool.query(
    `select 'job' as place from pgboss.job where output::text like '%${planted}%'
    union all select 'batch' from kki.batch b where b::text like '%${planted}%'
    union all select 'audit' from kki.audit_event e where detail::text like '%${planted}%'`
  )
  assert.deepEqual(rows, [])
  assert.deepEqual(
    log.filter(line => line.includes(planted)),
    []
  )
})
