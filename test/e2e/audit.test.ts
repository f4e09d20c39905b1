import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import type { Verdict } from '../../sidecar/audit/verify.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { type Connector, startConnector, temporaryFolder } from './helpers.ts'
import { runSdmk, until } from './process.ts'

interface EventPage {
  items: { id: number; action: string; batchId: number | null; link: { seq: number; hash: string } | null }[]
  next: number | null
  head: { seq: number; hash: string } | null
}

async function chained({ pool }: Connector) {
  await until('all events are chained', async () => {
    const { rows } = await pool.query('select from kki.audit_unchained')
    return rows.length === 0
  })
}

describe('audit events', () => {
  test('are listed only for auditors, newest first, page by page, each with its link', async t => {
    const connector = await startConnector(t, { rows: 50 })
    const { batches } = await connector.run({})
    await chained(connector)
    const read = async (query: string) => {
      const { status, body } = await connector.call('GET', `/v1/audit-events${query}`)
      assert.equal(status, 200, JSON.stringify(body))
      return body as EventPage
    }
    const all = await read('?limit=500')
    assert.deepEqual(
      all.items.map(({ id }) => id),
      all.items.map(({ id }) => id).sort((a, b) => b - a)
    )
    assert.ok(all.items.every(({ link }) => link !== null))
    const first = await read('?limit=1')
    const second = await read(`?limit=1&before=${first.next}`)
    assert.deepEqual([...first.items, ...second.items], all.items.slice(0, 2))
    const ofBatch = await read(`?batchId=${batches[0]?.id}&action=batch.applied`)
    assert.deepEqual(
      ofBatch.items.map(({ action, batchId }) => ({ action, batchId })),
      [{ action: 'batch.applied', batchId: batches[0]?.id }]
    )
    assert.deepEqual(all.head?.seq, Math.max(...all.items.map(({ link }) => link?.seq ?? 0)))
    const { key } = await createApiKey(connector.pool, 'no auditor', ['runs:read', 'registry:read'])
    const refused = await connector.call('GET', '/v1/audit-events', undefined, { authorization: `Bearer ${key}` })
    assert.equal(refused.status, 403)
  })

  test('are verified without a running service, against noted heads and from a file', async t => {
    const connector = await startConnector(t, { rows: 50 })
    const { batches } = await connector.run({})
    // readline would take U+2028 for the end of a line.
    const reason = 'salah\u2028berkas'
    const undone = await connector.call('POST', `/v1/batches/${batches[0]?.id}/undo`, { reason: 'salah berkas' })
    assert.equal(undone.status, 200)
    // As it may have been stored before reasons were one line.
    await connector.pool.query(
      `insert into kki.audit_event (action, actor, request_id, trace_id, detail)
      values ('batch.discarded', 'test', 'test', repeat('0', 32), $1)`,
      [JSON.stringify({ reason })]
    )
    await chained(connector)
    const { href: url } = new URL(connector.app.database.pool.options.connectionString ?? '')
    const env = { SDMK_DATABASE_URL: url, SDMK_SECRETS_DIR: connector.secretsDir }
    const verify = async (...args: string[]) => {
      const { code, stdout, stderr } = await runSdmk(['audit', 'verify', '--json', ...args], env)
      assert.ok(stdout, stderr)
      return { code, verdict: JSON.parse(stdout) as Verdict }
    }
    const { code, verdict } = await verify()
    assert.deepEqual({ code, findings: verdict.findings }, { code: 0, findings: 0 })
    assert.ok(verdict.head && verdict.events > 1)
    const head = `${verdict.head.seq}:${verdict.head.hash}`
    assert.equal((await verify('--head', head)).code, 0)
    const wrong = await verify('--head', head, '--head', `${verdict.head.seq + 1}:${verdict.head.hash}`)
    assert.deepEqual({ code: wrong.code, first: wrong.verdict.first[0]?.code }, { code: 1, first: 'CUT_OFF' })

    const exported = await runSdmk(['audit', 'export'], env)
    assert.equal(exported.code, 0, exported.stderr)
    const file = path.join(await temporaryFolder(t), 'audit.jsonl')
    await writeFile(file, exported.stdout)
    assert.equal((await verify('--file', file, '--head', head)).code, 0)
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace('run.created', 'run.createD'))
    const flipped = await verify('--file', file)
    assert.deepEqual({ code: flipped.code, first: flipped.verdict.first[0]?.code }, { code: 1, first: 'EVENT_CHANGED' })
    await writeFile(file, Buffer.from(text.replace('run.created', 'run.\xffcreated'), 'latin1'))
    const damaged = await runSdmk(['audit', 'verify', '--file', file], env)
    assert.match(damaged.stderr, /audit\.jsonl, line \d+, character \d+ is not UTF-8/)
    await writeFile(file, `${text}{"seq":\n`)
    const { code: unreadable, stderr } = await runSdmk(['audit', 'verify', '--file', file], env)
    assert.equal(unreadable, 1)
    assert.match(stderr, new RegExp(`Line ${verdict.events + 1} of .* is not a link`))
  })
})
