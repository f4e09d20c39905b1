import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { insideChecks } from '../../sidecar/doctor/words.ts'
import { insertWatermark } from '../sync/watermark.ts'
import { startConnector } from './helpers.ts'

test('a schedule is said in words with its next three times, before it is stored', async t => {
  const { call } = await startConnector(t)
  const asked = (expression: string) =>
    call('GET', `/v1/integrations/kki/schedule?expression=${encodeURIComponent(expression)}`)
  const { status, body } = await asked('0 2 * * *')
  assert.equal(status, 200)
  const { en, id, nextRunsDueAt } = body as { en: string; id: string; nextRunsDueAt: string[] }
  assert.deepEqual([en, id], ['Every day at 02:00', 'Setiap hari pukul 02.00'])
  const times = nextRunsDueAt.map(time => Date.parse(time))
  assert.deepEqual(
    times.map((time, at) => time - (times[0] ?? 0) - at * 86_400_000),
    [0, 0, 0]
  )
  assert.ok((times[0] ?? 0) > Date.now())
  assert.ok(
    nextRunsDueAt.every(time => time.endsWith('T19:00:00.000Z')),
    'in Jakarta it is 02:00 then'
  )
})

test('a wrong schedule is denied with a sentence in the reader’s language, when it is checked or stored', async t => {
  const { call } = await startConnector(t)
  const { body: present } = await call('GET', '/v1/integrations/kki')
  const { active, professions, rejectAlertRatio, createUnmatched } = present as Record<string, unknown>
  const setting = { active, schedule: '0 25 * * *', professions, rejectAlertRatio, createUnmatched }
  const asked = await call('GET', '/v1/integrations/kki/schedule?expression=0%2025%20*%20*%20*')
  const stored = await call('PUT', '/v1/integrations/kki', setting)
  for (const { status, body } of [asked, stored]) {
    const { code, detail } = body as { code: string; detail: string }
    assert.deepEqual([status, code], [400, 'VALIDATION_FAILED'])
    assert.match(detail, /^The hour “25” cannot be read/)
  }
  const seconds = await call('PUT', '/v1/integrations/kki', { ...setting, schedule: '*/10 * * * * *' })
  assert.equal(seconds.status, 400)
  assert.match((seconds.body as { detail: string }).detail, /^A schedule has no seconds/)
  const indonesian = await call('PUT', '/v1/integrations/kki', setting, { 'accept-language': 'id-ID' })
  assert.match((indonesian.body as { detail: string }).detail, /^Bagian jam “25” tidak terbaca/)
})

test('the setting shows which runs were due, and no backlog without an Odoo', async t => {
  const { call } = await startConnector(t)
  const { body } = await call('GET', '/v1/integrations/kki')
  const { lastRunsDueAt, nextRunDueAt, mirror } = body as {
    lastRunsDueAt: string[]
    nextRunDueAt: string
    mirror: unknown
  }
  const [last = 0, before = 0] = lastRunsDueAt.map(time => Date.parse(time))
  assert.ok(before < last && last <= Date.now() && Date.now() < Date.parse(nextRunDueAt))
  assert.equal(mirror, null)
})

test('a stored setting with seconds stops no process and is shown', async t => {
  const { call, pool, restart } = await startConnector(t)
  await pool.query(`update kki.setting set schedule = '0 0 2 * * *'`)
  await restart({})
  const { status, body } = await call('GET', '/v1/integrations/kki')
  assert.equal(status, 200)
  assert.equal((body as { schedule: string }).schedule, '0 0 2 * * *')
})

test('a required secret that does not exist is reported in words', async t => {
  const { call, secretsDir, restart } = await startConnector(t)
  const secrets = async () => {
    const { body } = await call('POST', '/v1/integrations/kki/check')
    const { checks } = body as { checks: { what: string; isFine: boolean; en: string[]; id: string[] }[] }
    return checks.find(({ what }) => what === 'secrets')
  }
  assert.equal((await secrets())?.isFine, true, 'where no Odoo is configured, its account is not needed')

  await restart({ SDMK_ODOO_URL: 'http://127.0.0.1:9', SDMK_ODOO_DATABASE: 'odoo' })
  const withoutAccount = await secrets()
  assert.equal(withoutAccount?.isFine, false)
  assert.deepEqual(withoutAccount?.en.length, 1)
  assert.match(withoutAccount?.en[0] ?? '', /^The Odoo account of the sidecar is missing/)
  assert.match(withoutAccount?.id[0] ?? '', /^Akun Odoo milik sidecar tidak ada/)

  await rm(path.join(secretsDir, 'nik-keys.json'))
  const withoutBoth = await secrets()
  assert.equal(withoutBoth?.isFine, false)
  assert.match(withoutBoth?.en[0] ?? '', /^The identity keys are missing/)
  assert.match(withoutBoth?.id[0] ?? '', /^Kunci identitas tidak ada/)
  assert.equal(withoutBoth?.en.length, 2)
})

test('the service examines itself in words, and says in both languages what to do about what is wrong', async t => {
  const { call, pool, run } = await startConnector(t, { rows: 50 })
  assert.equal((await run({ mode: 'full' })).state, 'applied')
  interface InWords {
    name: string
    action: string | null
  }
  const examine = async () => {
    const { status, body } = await call('GET', '/v1/doctor')
    assert.equal(status, 200, JSON.stringify(body))
    return (body as { findings: { check: string; state: string; en: InWords; id: InWords }[] }).findings
  }
  const fine = await examine()
  assert.deepEqual(
    fine.map(({ check }) => check),
    insideChecks.filter(check => check !== 'standby for reads'),
    'without a standby there is nothing to check of it'
  )
  // The machine of a test may be short of connections.
  for (const { check, state, en, id } of fine.filter(({ check }) => check !== 'database settings')) {
    assert.equal(state, check === 'waiting for Odoo' ? 'skipped' : 'ok', check)
    assert.deepEqual([en.action, id.action], [null, null])
  }

  await pool.query('update kki.setting set active = false')
  await pool.query('insert into kki.schema_version (version) select max(version) + 1 from kki.schema_version')
  await pool.query('delete from kki.watermark')
  await insertWatermark(pool, '1 year')
  const states = Object.fromEntries((await examine()).map(finding => [finding.check, finding]))
  for (const [check, state, en, id] of [
    ['runs', 'warning', /switched off/, /dinonaktifkan/],
    ['schema', 'warning', /finish the upgrade/, /menyelesaikan pembaruan/],
    ['watermark', 'failed', /leave changes out/, /melewatkan perubahan/]
  ] as const) {
    assert.equal(states[check]?.state, state, check)
    assert.match(states[check]?.en.action ?? '', en)
    assert.match(states[check]?.id.action ?? '', id)
  }
})
