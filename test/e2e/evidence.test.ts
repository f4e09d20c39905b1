import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { inject, kkiRecord, startConnector } from './helpers.ts'
import { until } from './process.ts'

interface Answer {
  evidence: {
    batch: { id: number; runId: number }
    excesses: { reason: string; count: number; limit: number }[]
    professions: { profession: string; deactivated: number }[]
    codes: { code: string; count: number }[]
    changes: { strNumber: string; fields: { field: string }[] }[]
    hasMoreChanges: boolean
    events: {
      id: number
      action: string
      title: string
      actor: string
      text: string
      proof: { seq: number; eventHash: string; previousHash: string | null; hash: string; keyId: number } | null
    }[]
    head: { seq: number; hash: string }
    check: { findings: number } | null
  }
  page: string
}

describe('the evidence of a batch', () => {
  test('shows the reasons of the hold, the effects and the person who decided, each step provable separately', async t => {
    const connector = await startConnector(t)
    const { call, pool, simulator } = connector
    const records = Array.from({ length: 30 }, () => kkiRecord())
    await inject(
      simulator,
      records.map(record => ({ record }))
    )
    await connector.run({})
    const changed = new Date(Date.now() - 3_600_000).toISOString()
    const revoked = records.slice(0, 25).map(record => ({ ...record, status_str: 'DICABUT', diubah_pada: changed }))
    await inject(simulator, [
      ...revoked.map(record => ({ record })),
      { record: kkiRecord({ nama: '-', diubah_pada: changed }) }
    ])
    const { batches } = await connector.run({})
    const { id } = batches[0] as { id: number }
    await call('POST', `/v1/batches/${id}/discard`, { watermark: 'keep', reason: 'KKI: <b>a mistake</b>' })
    await until('all events are chained', async () => {
      const { rows } = await pool.query('select from kki.audit_unchained')
      return rows.length === 0
    })
    const take = (body: object) => call('POST', `/v1/batches/${id}/evidence`, body)
    const { status, body } = await take({ reason: 'yearly audit', language: 'en' })
    assert.equal(status, 200, JSON.stringify(body))
    const { evidence, page } = body as Answer
    assert.equal(evidence.batch.id, id)
    assert.deepEqual(
      evidence.excesses.map(({ reason, count, limit }) => [reason, count, limit]),
      [
        ['DEACTIVATIONS', 25, 20],
        ['DEACTIVATIONS', 25, 20]
      ]
    )
    const actions = evidence.events.map(({ action }) => action)
    assert.deepEqual(actions, ['run.created', 'batch.held', 'batch.discarded'])

    const keys = JSON.parse(await readFile(path.join(connector.secretsDir, 'nik-keys.json'), 'utf8'))
    for (const { id: event, text, proof } of evidence.events) {
      assert.ok(proof)
      assert.equal(createHash('sha256').update(text).digest('hex'), proof.eventHash)
      const key = Buffer.from(keys[`auditKey${proof.keyId}`], 'base64')
      const previous = proof.previousHash ?? '0'.repeat(64)
      const link = createHmac('sha256', key).update(`${previous} ${proof.seq} ${event} ${proof.eventHash}`)
      assert.equal(link.digest('hex'), proof.hash)
    }
    for (const told of [
      /Evidence of batch/,
      /found 25, limit 20/,
      /Batch discarded/,
      /KKI: &lt;b&gt;a mistake&lt;\/b&gt;/,
      new RegExp(evidence.head.hash)
    ]) {
      assert.match(page, told)
    }
    const indonesian = ((await take({ reason: 'audit tahunan' })).body as Answer).page
    assert.match(indonesian, /Bukti batch[\s\S]*Batch dibuang/)

    const { rows } = await pool.query(
      `select batch_id, detail from kki.audit_event where action = 'batch.evidence_taken' order by id`
    )
    assert.deepEqual(rows, [
      { batch_id: id, detail: { reason: 'yearly audit' } },
      { batch_id: id, detail: { reason: 'audit tahunan' } }
    ])
    const { key } = await createApiKey(pool, 'auditor alone', ['audit:read'])
    const denied = await call('POST', `/v1/batches/${id}/evidence`, { reason: 'x' }, { authorization: `Bearer ${key}` })
    assert.equal(denied.status, 403)
    assert.equal((await take({})).status, 400, 'without a reason')
    assert.equal((await call('POST', '/v1/batches/999999/evidence', { reason: 'x' })).status, 404)
  })

  test('names the changes of a batch that waits, and records who saw them', async t => {
    const connector = await startConnector(t)
    const { call, pool, simulator } = connector
    const record = kkiRecord({ nama: 'Siti Rekaan' })
    await inject(simulator, [{ record }])
    const { batches } = await connector.run({ apply: 'hold' })
    const { id } = batches[0] as { id: number }
    await call('POST', `/v1/batches/${id}/apply`, { planDigest: batches[0]?.planDigest })
    const { evidence, page } = (await call('POST', `/v1/batches/${id}/evidence`, { reason: 'audit', language: 'en' }))
      .body as Answer
    assert.deepEqual([evidence.changes.length, evidence.hasMoreChanges], [1, false])
    assert.match(page, /Siti Rekaan/)
    const { rows } = await pool.query(
      `select d.reason, d.batch_id = $1 as "isOfBatch", d.people @> h.id as "isShown"
      from kki.disclosure d, sdmk.health_worker h where d.channel = 'POST /v1/batches/:id/evidence'`,
      [id]
    )
    assert.deepEqual(rows, [{ reason: 'audit', isOfBatch: true, isShown: true }])

    await until('the batch is applied', async () => {
      const found = await pool.query(`select from kki.batch where id = $1 and state = 'applied'`, [id])
      return found.rowCount === 1
    })
    const changed = new Date(Date.now() - 3_600_000).toISOString()
    await inject(simulator, [{ record: { ...record, status_str: 'DICABUT', diubah_pada: changed } }])
    const later = (await connector.run({})).batches[0]?.id
    const indonesian = (await call('POST', `/v1/batches/${later}/evidence`, { reason: 'audit', language: 'id' })).body
    const told = (indonesian as Answer).page
    assert.match(told, /status: aktif → dicabut/, 'in words, not in codes')
    assert.match(told, /status menurut KKI: &quot;AKTIF&quot; → &quot;DICABUT&quot;/)
  })
})

test('audit events are found by the id of their request, in words of the reader, with the state of the chain', async t => {
  const connector = await startConnector(t, { rows: 5 })
  const { call, pool } = connector
  const { batches } = await connector.run({})
  const headers = { 'x-request-id': 'odoo-6f0c2c1e-abcd-4bcd-8bcd-abcdefabcdef', 'accept-language': 'id' }
  const undone = await call('POST', `/v1/batches/${batches[0]?.id}/undo`, { reason: 'salah berkas' }, headers)
  assert.equal(undone.status, 200, JSON.stringify(undone.body))
  const { body } = await call('GET', `/v1/audit-events?requestId=${headers['x-request-id']}`, undefined, headers)
  const { items, actions, check } = body as {
    items: { title: string }[]
    actions: { action: string; title: string }[]
    check: { findings: number } | null
  }
  assert.deepEqual(
    items.map(({ title }) => title),
    ['Batch diurungkan', 'Batch diperintahkan untuk diurungkan']
  )
  assert.ok(actions.some(({ action, title }) => action === 'batch.held' && title === 'Batch ditahan'))
  assert.equal(check, null)
  await pool.query('insert into kki.audit_check (events, findings) values (7, 2)')
  const later = (await call('GET', '/v1/audit-events?limit=1')).body as { check: { events: number; findings: number } }
  assert.deepEqual([later.check.events, later.check.findings], [7, 2])
})
