import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { reopenRejection } from '../../sidecar/review/dismiss.ts'
import { findRejectionsByName, SearchTooLong } from '../../sidecar/review/names.ts'
import { RejectionOpenAgain } from '../../sidecar/sync/errors.ts'
import { candidate, createRegistry } from './helpers.ts'

describe('a rejected row', { concurrency: true }, () => {
  test('that a batch opens again at the moment is not reopened, and the denial says so', async t => {
    const { pool, database, apply } = await createRegistry(t)
    await apply(candidate({ status: 'revoked', sourceStatus: 'DICABUT' }))
    const { rows } = await pool.query<{ id: number }>(
      `update kki.rejection set state = 'dismissed', decided_at = now(), decided_by = 'verifier' returning id`
    )
    const id = rows[0]?.id as number
    const other = await pool.connect()
    try {
      await other.query('begin')
      await other.query(
        `insert into kki.rejection (source, subject, str_number, code, problems, urgent, first_batch_id, last_batch_id)
        select source, subject, str_number, code, problems, urgent, first_batch_id, last_batch_id from kki.rejection`
      )
      const caller = { actor: 'verifier', apiKeyId: null, requestId: 'test', traceId: 'a'.repeat(32) }
      const reopening = database.withTransaction(client => reopenRejection(client, id, undefined, caller))
      const refused = assert.rejects(reopening, RejectionOpenAgain)
      const isWaiting = async () =>
        (
          await pool.query(
            `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
          )
        ).rows.length > 0
      for (let tries = 0; tries < 600 && !(await isWaiting()); tries++) await wait(50)
      await other.query('commit')
      await refused
    } finally {
      other.release(true)
    }
  })

  test('is searched for by name for a limited time', async t => {
    const { pool } = await createRegistry(t)
    const other = await pool.connect()
    try {
      await other.query('begin')
      await other.query('lock table kki.rejection in access exclusive mode')
      await assert.rejects(findRejectionsByName(pool, {} as never, { nameKey: 'SITI' }, 10), SearchTooLong)
    } finally {
      other.release(true)
    }
  })
})
