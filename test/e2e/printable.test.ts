import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Command } from 'commander'
import { issueApiKey } from '../../sidecar/api/api-keys.ts'
import { createProgram } from '../../sidecar/cli/program.ts'
import { RequestInvalid } from '../../sidecar/errors.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import type { Scope } from '../../sidecar/platform/scopes.ts'
import { forged, honest } from '../helpers/forged.ts'
import { injectPatiently } from '../helpers/patiently.ts'
import { inject, kkiRecord, startConnector } from './helpers.ts'
import { runSdmk } from './process.ts'

const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: '0'.repeat(32) }

/** Every route that takes a reason, with the one scope that it asks for. */
const routes: Record<string, Scope | Scope[]> = {
  'POST /v1/batches/{id}/discard': 'runs:write',
  'POST /v1/batches/{id}/evidence': ['registry:read', 'audit:read'],
  'POST /v1/batches/{id}/apply': 'runs:write',
  'POST /v1/batches/{id}/undo': 'runs:write',
  'POST /v1/rejections/{id}/resolve': 'rejections:write',
  'POST /v1/health-workers/{id}/restrict': 'privacy:manage',
  'POST /v1/health-workers/{id}/unrestrict': 'privacy:manage',
  'POST /v1/health-workers/{id}/erase': 'privacy:manage',
  'POST /v1/person-reports': 'privacy:manage',
  'POST /v1/rejections/{id}/dismiss': 'rejections:write',
  'POST /v1/rejections/{id}/reopen': 'rejections:write',
  'POST /v1/rejections/dismiss': 'rejections:write',
  'POST /v1/health-workers/search-by-nik': 'registry:search-nik',
  'PATCH /v1/health-workers/{id}': 'registry:write',
  'POST /v1/health-workers/{id}/reveal': 'registry:reveal'
}

/** What else they require. */
const others: Record<string, object> = {
  'POST /v1/batches/{id}/apply': { planDigest: '0'.repeat(32) },
  'POST /v1/batches/{id}/discard': { watermark: 'keep' },
  'POST /v1/rejections/{id}/resolve': { healthWorkerId: 'new' },
  'POST /v1/health-workers/{id}/erase': { scope: 'former' },
  'POST /v1/health-workers/search-by-nik': { nik: '3171015507900015' },
  'POST /v1/person-reports': { id: 999999999 },
  'PATCH /v1/health-workers/{id}': { name: 'Siti Rekaan' }
}

interface Operation {
  /** One route takes a file instead of JSON, and no reason. */
  requestBody?: { content: { 'application/json'?: { schema: { properties?: { reason?: { pattern: string } } } } } }
}

describe('reasons', () => {
  test('are one printable line in every route that has one', async t => {
    const { app, pool } = await startConnector(t)
    const paths = app.swagger().paths as Record<string, Record<string, Operation>>
    const patterns = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { requestBody }]) => {
        const pattern = requestBody?.content['application/json']?.schema.properties?.reason?.pattern
        return pattern === undefined ? [] : [{ route: `${method.toUpperCase()} ${path}`, pattern }]
      })
    )
    assert.deepEqual(patterns.map(({ route }) => route).toSorted(), Object.keys(routes).toSorted())
    for (const { route, pattern } of patterns) {
      const [method, path = ''] = route.split(' ')
      const { key } = await createApiKey(pool, route, [routes[route] as Scope | Scope[]].flat())
      const send = async (reason: string) => {
        const { statusCode, body } = await injectPatiently(app, {
          method: method as 'POST',
          url: path.replace('{id}', '999999999'),
          headers: { authorization: `Bearer ${key}` },
          payload: { ...others[route], reason }
        })
        const { errors = [] } = JSON.parse(body) as { errors?: { field: string }[] }
        return { statusCode, isDenied: errors.some(({ field }) => field === '/body/reason') }
      }
      const shape = new RegExp(pattern, 'u')
      for (const [what, reason] of Object.entries(forged)) {
        assert.deepEqual(await send(reason), { statusCode: 400, isDenied: true }, `${route}: ${what}`)
        // Beyond U+FFFF the pattern of the contract says nothing; the service does.
        assert.equal(shape.test(reason), what === 'an invisible tag', `the schema of ${route}: ${what}`)
      }
      for (const reason of [' ', '\n', 'x'.repeat(501)])
        assert.ok((await send(reason)).isDenied, `${route}: ${reason.slice(0, 9)}`)
      for (const [what, reason] of Object.entries({ ...honest, blanks: ' \n Checked\r\n' })) {
        const { statusCode, isDenied } = await send(reason)
        assert.ok(!isDenied && statusCode !== 500, `${route}: ${what}: ${statusCode}`)
      }
      for (const [what, reason] of Object.entries(honest)) assert.ok(shape.test(reason), `${route}: ${what}`)
    }
  })

  test('are one printable line in every command that has one, without blanks at their ends', () => {
    const options = allOptions(createProgram()).filter(({ long }) => long === '--reason')
    assert.ok(options.length >= 4)
    for (const { parseArg } of options) {
      const read = (text: string) => parseArg?.(text, undefined)
      for (const [what, text] of Object.entries(forged)) assert.throws(() => read(text), RequestInvalid, what)
      for (const [what, text] of Object.entries(honest)) assert.equal(read(text), text, what)
      for (const text of ['', ' \n', 'x'.repeat(501)]) assert.throws(() => read(text), RequestInvalid)
      assert.equal(read(' Checked\n'), 'Checked')
    }
  })
})

function allOptions(command: Command): Command['options'] {
  return [...command.options, ...command.commands.flatMap(allOptions)]
}

test('the name of an API key is one printable line', async t => {
  const { pool } = await startConnector(t)
  const make = async (name: string) => {
    const client = await pool.connect()
    try {
      return await issueApiKey(client, name, ['runs:read'], caller)
    } finally {
      client.release()
    }
  }
  for (const [what, name] of Object.entries(forged)) await assert.rejects(make(name), RequestInvalid, what)
  for (const name of ['', ' ', ' a', 'a ', 'x'.repeat(201)]) await assert.rejects(make(name), RequestInvalid)
  await make('dasbor Jakarta 📊')
})

test('the name of a sheet, which the answer echoes, is one printable line', async t => {
  const { app, key } = await startConnector(t)
  const load = async (sheet: string) => {
    const response = await app.inject({
      method: 'POST',
      url: `/v1/runs/file?${new URLSearchParams({ format: 'xlsx', asOf: '2026-11-01T00:00:00Z', sheet })}`,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/octet-stream' },
      payload: Buffer.from('no workbook')
    })
    return (response.json() as { code: string }).code
  }
  for (const [what, text] of Object.entries(forged)) {
    // The pattern of the contract covers nothing beyond U+FFFF; JSON and screens show it verbatim.
    if (what === 'an invisible tag') continue
    assert.equal(await load([...text].slice(0, 31).join('')), 'VALIDATION_FAILED', what)
  }
  assert.equal(await load('x'.repeat(32)), 'VALIDATION_FAILED')
  assert.equal(await load('Lembar 1 – Jakarta'), 'IMPORT_FILE_INVALID')
})

test('the report of a person shows all stored texts escaped, each on its own line', async t => {
  const { app, pool, simulator, run, call, secretsDir } = await startConnector(t)
  const nik = '3171015507900007'
  const record = kkiRecord({ nik, nama: 'Siti Rekaan', tanggal_lahir: '1990-07-15', jenis_kelamin: 'P' })
  await inject(simulator, [{ record }])
  await run({})
  const { rows } = await pool.query<{ id: number }>('select id from sdmk.health_worker')
  const id = rows[0]?.id
  const texts = [...Object.values(forged), ...Object.values(honest), '", alasan: "Lain']
  // Values that were stored before the rule existed, in every column that may hold a text of a person.
  await pool.query('update sdmk.health_worker set name = $1', [`Siti${forged['an override of direction']}`])
  const old = await createApiKey(pool, `old\n${forged['an escape that erases the line']}`, [
    'registry:read',
    'registry:reveal'
  ])
  for (const action of ['health_worker.nik_revealed', 'health_worker.edited']) {
    for (const text of texts) {
      await pool.query(
        `insert into kki.audit_event (action, actor, api_key_id, request_id, trace_id, detail)
        values ($1, $2, $3, 'test', repeat('0', 32), $4)`,
        [action, text, old.id, JSON.stringify({ healthWorkerId: id, reason: text })]
      )
    }
  }
  const shown = await call(
    'POST',
    `/v1/health-workers/${id}/reveal`,
    { reason: ' Checked\n' },
    { authorization: `Bearer ${old.key}` }
  )
  assert.equal(shown.status, 200, JSON.stringify(shown.body))
  const { rows: events } = await pool.query<{ actor: string; reason: string }>(
    `select actor, detail ->> 'reason' as reason from kki.audit_event order by id desc limit 1`
  )
  assert.deepEqual(events, [{ actor: 'old\\u000aChecked\\u001b[2K\\u001b[1A', reason: 'Checked' }])

  const env = {
    SDMK_DATABASE_URL: app.database.pool.options.connectionString ?? '',
    SDMK_SECRETS_DIR: secretsDir
  }
  const { code, stdout, stderr } = await runSdmk(['person', 'report', '--reason', 'Letter'], env, undefined, nik)
  assert.equal(code, 0, stderr)
  assert.doesNotMatch(stdout.replaceAll('\n', ''), /[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u200b\u200f\u202e\u2066\u{e0041}]/u)
  const told = (label: string) =>
    [...stdout.matchAll(new RegExp(`^    ${label}: (".*")$`, 'gmu'))].map(([, quoted = '']) => JSON.parse(quoted))
  // The answer that revealed the NIK is in the record of disclosures as well.
  assert.deepEqual(told('alasan'), [...texts, 'Checked', ...texts, 'Checked'])
  assert.deepEqual(told('oleh'), [...texts, events[0]?.actor, ...texts, events[0]?.actor])
  assert.equal(told('dengan kunci').length, 2 * texts.length + 2)
  const moments = stdout.split('\n').filter(line => /^ {2}20\S+Z$/.test(line))
  assert.equal(moments.length, 2 * texts.length + 1, 'no value looks like a line of the report')
  assert.match(stdout, /^ {2}Nama \(dari KKI, per \S+\): "SitiChecked \\u202egnisrever"$/m)
})
