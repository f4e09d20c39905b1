import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import { readCatalogue } from '../../tools/docs/codes.ts'
import type { PrometheusPrograms } from '../../tools/prometheus/install.ts'
import { fault, inject, kkiRecord } from '../e2e/helpers.ts'
import { until } from '../e2e/process.ts'
import { panels, queries } from './helpers/dashboard.ts'
import { programsOrReason } from './helpers/prometheus.ts'
import { startWorld, type World } from './helpers/world.ts'

const { programs, skip } = await programsOrReason()
const catalogue = readCatalogue()
const titleOf = (alert: string) => catalogue[alert]?.title.en as string

/** What cannot be made to happen here: a lost database would end the test, too. */
const onlyInUnitTests = [
  ...['KkiRunOverdue', 'AuditChainBroken', 'NikLookupsSuspicious', 'SealedValueUnfit', 'SdmkDatabaseDown'],
  ...['SdmkJobFailed', 'OdooRecordsFailing', 'ConnectionInsecure']
]

/** Panels that stay empty while all is well; each is seen with data once there is something to show. */
const emptyWhileWell: Record<number, string> = {
  7: 'the audit chain',
  10: 'batches in trouble',
  60: 'alerts that fire'
}

test('Slack gets each failure with the facts needed to act, and a second message at its end', {
  skip,
  timeout: 1_800_000
}, async t => {
  const world = await startWorld(t, programs as PrometheusPrograms)
  const { slack, monitoring, simulator, call, pool } = world
  const present = (given: Record<string, unknown> = {}) =>
    kkiRecord({ diubah_pada: new Date(simulator.now()).toISOString(), ...given })
  /** Changes records of KKI, and moves its clock past the present second, because windows end at whole seconds of this clock. */
  const change = async (...records: { id?: string; record: unknown }[]) => {
    await inject(simulator, records)
    const answer = await fetch(`${simulator.url}/_clock`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ advanceSeconds: 2 })
    })
    assert.ok(answer.ok)
  }
  const run = async (body: object = {}) => (await world.run(body)).batches[0] as BatchBody
  const clear = () => fetch(`${simulator.url}/_faults`, { method: 'DELETE' })
  /** A run in which all is well: zero rows would be remarkable. */
  const goodRun = async () => {
    await change({ record: present() })
    const batch = await run()
    assert.equal(batch.state, 'applied', JSON.stringify(batch))
  }

  await t.test('no message while all is well; every panel of the dashboard but three has data', async () => {
    // The first value of a counter is not an increase.
    await until('Prometheus has seen the counters at 0', async () => {
      const [rows] = await monitoring.query('sum(sdmk_kki_rows_total{outcome="created"})')
      return rows?.value[1] === '0'
    })
    assert.equal((await run()).state, 'applied')
    await goodRun()
    await until('Prometheus has seen it', async () => {
      const [rows] = await monitoring.query('sum(increase(sdmk_kki_rows_total{outcome="created"}[1m]))')
      return Number(rows?.value[1]) > 0
    })
    assert.ok(Object.keys(emptyWhileWell).length <= 3)
    // A latency is there while requests are made: of none there is no quantile.
    let missing: number[] = []
    await until('the panels have data', async () => {
      await goodRun()
      missing = (await emptyPanels(world)).filter(id => !(id in emptyWhileWell))
      return missing.length === 0
    }).catch(() => assert.fail(`panels ${missing} are empty`))
    assert.deepEqual(slack.messages, [])
  })

  // Its alert waits for a minute, while the others are looked at.
  await world.fetcher.kill()

  await t.test('a token that KKI denies', async () => {
    await fault(simulator, { kind: 'expire-tokens' })
    await fault(simulator, { kind: 'revoke-refresh' })
    await fault(simulator, { kind: 'refuse-client', times: 0 })
    const batch = await run()
    assert.equal(batch.error?.code, 'TOKEN_REFRESH_FAILED')
    assertNames(await slack.told('fires', titleOf('KkiTokenRefreshFailed')), batch)
    for (const id of [10, 60]) await until(`panel ${id} has data`, async () => !(await emptyPanels(world)).includes(id))
    await clear()
    await goodRun()
    await slack.told('ends', titleOf('KkiTokenRefreshFailed'))
  })

  await t.test('a page that violates the contract', async () => {
    await fault(simulator, { kind: 'broken-json', times: 0 })
    const batch = await run()
    assert.equal(batch.error?.code, 'KKI_CONTRACT')
    const message = await slack.told('fires', titleOf('KkiBatchFailed'))
    assertNames(message, batch)
    assert.match(message, /KKI_CONTRACT/)
    await clear()
    await goodRun()
    await slack.told('ends', titleOf('KkiBatchFailed'))
  })

  await t.test('a Date of KKI that is a year ahead', async () => {
    await fault(simulator, { kind: 'date', aheadSeconds: 365 * 24 * 3600 })
    const batch = await run()
    assert.equal(batch.error?.code, 'KKI_CLOCK')
    const message = await slack.told('fires', titleOf('KkiClockWrong'))
    assertNames(message, batch)
    assert.match(message, /KKI_CLOCK/)
    await goodRun()
    await slack.told('ends', titleOf('KkiClockWrong'))
  })

  await t.test('more than a fifth of a batch is rejected', async () => {
    const good = Array.from({ length: 30 }, () => ({ record: present() }))
    const bad = Array.from({ length: 10 }, () => ({ record: present({ nama: 'dr. -' }) }))
    await change(...good, ...bad)
    const batch = await run()
    assert.deepEqual([batch.state, batch.ledger.fetched, batch.ledger.rejected], ['applied', 40, 10])
    const message = await slack.told('fires', titleOf('KkiRejectRatioHigh'))
    assertNames(message, batch)
    assert.match(message, /10 of 40 rows were rejected: 10 or more, and a larger share/)
    assert.match(message, /10 dari 40 data ditolak: 10 atau lebih/)
    await goodRun()
    await slack.told('ends', titleOf('KkiRejectRatioHigh'))
  })

  await t.test('a batch on hold, and the next one that replaces it', async () => {
    const hold = async () => {
      await change({ record: present() })
      return run({ apply: 'hold' })
    }
    const first = await hold()
    // Told before there is another: of two the newer is named.
    assertNames(await slack.told('fires', titleOf('KkiBatchHeld')), first)
    const second = await hold()
    assert.deepEqual([first.state, second.state], ['held', 'held'])
    await call('POST', `/v1/batches/${second.id}/discard`, { watermark: 'advance', reason: 'It was a test' })
    await slack.told('ends', titleOf('KkiBatchHeld'))
  })

  await t.test('a batch that does not end', async () => {
    await fault(simulator, { kind: 'slow', ms: 8000, on: 'list' })
    await change({ record: present() })
    const started = await call('POST', '/v1/runs', {})
    const read = await call('GET', `/v1/runs/${(started.body as RunBody).id}`)
    const [{ id }] = (read.body as RunBody).batches as [BatchBody]
    await pool.query(`update kki.batch set created_at = now() - interval '7 hours' where id = $1`, [id])
    const batch = (await call('GET', `/v1/batches/${id}`)).body as BatchBody
    const message = await slack.told('fires', titleOf('KkiBatchStuck'))
    assert.ok(message.includes(`trace id ${batch.traceId}`), message)
    await slack.told('ends', titleOf('KkiBatchStuck'))
    await clear()
  })

  await t.test('a deactivation that matches no person', async () => {
    const known = present()
    await change({ id: 'known', record: known })
    await run()
    const ending = { ...known, nik: '3171014502900777', nama: 'Orang Lain Sekali', status_str: 'DICABUT' }
    const others = Array.from({ length: 5 }, () => ({ record: present() }))
    await change({ id: 'known', record: { ...ending, diubah_pada: present().diubah_pada } }, ...others)
    await run()
    const message = await slack.told('fires', titleOf('KkiDeactivationUnresolved'))
    assertNames(message, undefined)
    assert.match(message, /matched to none of them: 1\.$/m)
    const open = await call('GET', '/v1/rejections?state=open&code=IDENTITY_CONFLICT')
    for (const { id } of (open.body as { items: { id: number }[] }).items) {
      await call('POST', `/v1/rejections/${id}/dismiss`, { reason: 'It was a test' })
    }
    await slack.told('ends', titleOf('KkiDeactivationUnresolved'))
  })

  await t.test('an Odoo that is behind', async () => {
    world.odoo.isAway = true
    await goodRun()
    await pool.query(
      `update pgboss.job set created_on = created_on - interval '20 minutes'
      where name in ('odoo-state', 'odoo-people') and state < 'completed'`
    )
    const message = await slack.told('fires', titleOf('OdooBacklogOld'))
    assertNames(message, undefined)
    assert.match(message, /is 20m.* old\. Waiting jobs: [1-9]\d*\.$/m)
    world.odoo.isAway = false
    await slack.told('ends', titleOf('OdooBacklogOld'))
  })

  await t.test('an integration that is off for three days', async () => {
    const switchTo = async (active: boolean) => {
      const { body } = await call('GET', '/v1/integrations/kki')
      const { schedule, professions, rejectAlertRatio, createUnmatched } = body as Record<string, unknown>
      const setting = { active, schedule, professions, rejectAlertRatio, createUnmatched }
      assert.equal((await call('PUT', '/v1/integrations/kki', setting)).status, 200)
    }
    await switchTo(false)
    await pool.query(`update kki.setting set changed_at = now() - interval '73 hours'`)
    const message = await slack.told('fires', titleOf('KkiIntegrationOff'))
    assertNames(message, undefined)
    assert.match(message, /off for 3d 1h/)
    await switchTo(true)
    await slack.told('ends', titleOf('KkiIntegrationOff'))
  })

  await t.test('KKI unreachable after retries, and the breaker that opens after more failures', async () => {
    await fault(simulator, { kind: 'status', status: 503, on: 'list', times: 0 })
    const batch = await run()
    assert.equal(batch.error?.code, 'KKI_UNAVAILABLE')
    assertNames(await slack.told('fires', titleOf('KkiUnreachable')), batch)
    while (world.app.kki.breakerState !== 2) await run()
    assertNames(await slack.told('fires', titleOf('KkiBreakerOpen')), undefined)
    await clear()
    await goodRun()
    await slack.told('ends', titleOf('KkiUnreachable'))
    await slack.told('ends', titleOf('KkiBreakerOpen'))
  })

  await t.test('a process that is down', async () => {
    const message = await slack.told('fires', titleOf('SdmkDown'))
    assertNames(message, undefined)
    assert.match(message, /^etl-kki-service has not answered/m)
    await world.fetcher.start()
    await slack.told('ends', titleOf('SdmkDown'))
  })

  await t.test('each alert ends once, and every template is filled in', async () => {
    const alerts = Object.keys(catalogue).filter(name => catalogue[name]?.kind === 'alert')
    const endings = Object.fromEntries(alerts.map(alert => [alert, slack.endings(titleOf(alert))]))
    const once = alerts.filter(alert => !onlyInUnitTests.includes(alert)).map(alert => [alert, 1])
    const never = onlyInUnitTests.map(alert => [alert, 0])
    assert.deepEqual(endings, Object.fromEntries([...once, ...never]))
    for (const { text } of slack.messages) assert.doesNotMatch(text, /no value|error expanding|{{|}}/i)
  })
})

/** Fails unless the message says what to do and links to the panel and, of a batch, all that identifies it. */
function assertNames(message: string, batch: BatchBody | undefined) {
  assert.match(message, /^\*What to do:\* \S/m)
  assert.match(message, /^\*Tindakan:\* \S/m)
  const [, panel] = /<http:\/\/localhost:3000\/d\/integrasi-kki\?viewPanel=(\d+)\|Grafana>/.exec(message) ?? []
  assert.ok(
    panels.some(({ id }) => String(id) === panel),
    message
  )
  if (batch === undefined) return
  const { id, traceId, ledger } = batch
  assert.ok(
    message.includes(`<http://localhost:8069/odoo/action-sdmk_integration_kki.sdmk_batch_action/${id}|Odoo>`),
    message
  )
  assert.ok(message.includes(`viewPanel=61&var-trace_id=${traceId}|Log>`), message)
  assert.ok(message.includes(`trace id ${traceId}`), message)
  assert.match(message, new RegExp(`fetched ${ledger.fetched} = created ${ledger.created} \\+ `))
  assert.match(message, new RegExp(`rejected ${ledger.rejected}; deactivated ${ledger.deactivated}; `))
}

/** Returns the panels that have a query without a number to show. */
async function emptyPanels({ monitoring }: World): Promise<number[]> {
  const answers = await Promise.all(
    queries
      .filter(({ datasource }) => datasource === 'prometheus')
      .map(async ({ panel, expr }) => {
        const series = await monitoring.queryRange(expr.replaceAll('$__rate_interval', '30s'), 60)
        return {
          panel,
          hasData: series.some(({ values }) => values.some(([, value]) => Number.isFinite(Number(value))))
        }
      })
  )
  return answers.filter(({ hasData }) => !hasData).map(({ panel }) => panel)
}
