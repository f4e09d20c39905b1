import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import { loadIdentity } from '../../sidecar/identity/keys.ts'
import { cursorOf } from '../../sidecar/identity/seal-place.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { startConnector } from './helpers.ts'

/** As many pages as share a transaction: the last of them are staged before the walk is said to be through. */
const rows = 40
const env = { KKI_PAGE_SIZE: '10' }

test('an attempt that is lost after its last page does not stage a page twice', async t => {
  const { pool, run } = await startConnector(t, { rows, brokenShare: 0, env })
  await loseFirstAttempt(pool, 'old.fetched_at is null and new.fetched_at is not null')
  const { state, batches } = await run({})
  const [batch] = batches as [BatchBody]
  assert.equal(state, 'applied')
  assert.deepEqual([batch.pages, batch.ledger.fetched], [4, rows])
  assert.equal(await attempts(pool), 2, 'one attempt was lost')
})

test('a walk resumes at the cursor of a lost attempt, which is stored encrypted', async t => {
  const { pool, run, secretsDir } = await startConnector(t, { rows: 2 * rows, brokenShare: 0, env })
  await loseFirstAttempt(pool, 'old.pages = 4 and new.pages > 4')
  await pool.query(`create table kki.kept as select id, cursor from kki.batch;
    create function kki.keep_cursor() returns trigger language plpgsql security definer as $$
    begin insert into kki.kept values (new.id, new.cursor); return new; end $$;
    create trigger keep_cursor after update on kki.batch for each row
      when (new.cursor is not null) execute function kki.keep_cursor()`)
  const { state, batches } = await run({})
  assert.deepEqual([state, batches[0]?.pages, batches[0]?.ledger.fetched], ['applied', 8, 2 * rows])
  assert.equal(await attempts(pool), 2, 'one attempt was lost')
  const { rows: restarted } = await pool.query(`select from kki.audit_event where action = 'batch.restarted'`)
  assert.equal(restarted.length, 0)
  const { rows: stored } = await pool.query<{ id: number; cursor: string }>('select id, cursor from kki.kept')
  assert.ok(stored.length > 0)
  const identity = await loadIdentity(createFileSecretStore(secretsDir))
  for (const { id, cursor } of stored) assert.ok(identity.open(cursorOf(id), Buffer.from(cursor, 'base64')).length > 0)
})

test('a walk begins again if the cursor of a lost attempt cannot be read, such as one of an older version', async t => {
  const { pool, run } = await startConnector(t, { rows: 2 * rows, brokenShare: 0, env })
  await loseFirstAttempt(pool, 'old.pages = 4 and new.pages > 4')
  await pool.query(`create function kki.write_plainly() returns trigger language plpgsql security definer as $$
    begin new.cursor := 'bookmark-40'; return new; end $$;
    create trigger write_plainly before update on kki.batch for each row
      when (old.pages = 0 and new.pages = 4) execute function kki.write_plainly()`)
  const { state, batches } = await run({})
  assert.deepEqual([state, batches[0]?.pages, batches[0]?.ledger.fetched], ['applied', 8, 2 * rows])
  const { rows: told } = await pool.query(`select detail from kki.audit_event where action = 'batch.restarted'`)
  assert.deepEqual(told, [{ detail: { reason: 'cursor unreadable', pages: 4 } }])
  const { rows: unfit } = await pool.query(`select detail from kki.audit_event where action = 'seal.unfit'`)
  const row = `batch ${batches[0]?.id}`
  assert.deepEqual(unfit, [{ detail: { column: 'kki.batch.cursor', row, fault: 'altered' } }])
})

/** Makes the first update of a batch that meets this condition fail, like a lost connection. */
async function loseFirstAttempt(pool: pg.Pool, when: string): Promise<void> {
  // A rollback does not reset a sequence, so only the first attempt fails.
  await pool.query(`
    create sequence kki.attempt;
    create function kki.lose_attempt() returns trigger language plpgsql security definer as $$
    begin
      if nextval('kki.attempt') = 1 then raise exception 'the connection is lost'; end if;
      return new;
    end $$;
    create trigger lose_attempt before update on kki.batch for each row when (${when}) execute function kki.lose_attempt();
  `)
}

/** How often it came to that. */
async function attempts(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ n: number }>('select last_value::int4 as n from kki.attempt')
  return rows[0]?.n ?? 0
}
