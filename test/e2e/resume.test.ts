import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchBody } from '../../sidecar/sync/routes/schemas.ts'
import { startConnector } from './helpers.ts'

/** As many pages as share a transaction: the last of them are staged before the walk is said to be through. */
const rows = 40
const env = { KKI_PAGE_SIZE: '10' }

test('an attempt that is lost after its last page, before it says so, leaves no page to be staged twice', async t => {
  const { pool, run } = await startConnector(t, { rows, brokenShare: 0, env })
  // What a sequence has given is not taken back with a transaction, so the first attempt alone is hit.
  await pool.query(`
    create sequence kki.attempt;
    create function kki.lose_attempt() returns trigger language plpgsql security definer as $$
    begin
      if nextval('kki.attempt') = 1 then raise exception 'the connection is lost'; end if;
      return new;
    end $$;
    create trigger lose_attempt before update on kki.batch for each row
      when (old.fetched_at is null and new.fetched_at is not null) execute function kki.lose_attempt();
  `)
  const { state, batches } = await run({})
  const [batch] = batches as [BatchBody]
  assert.equal(state, 'applied')
  assert.deepEqual([batch.pages, batch.ledger.fetched], [4, rows])
  const { rows: attempts } = await pool.query('select last_value::int4 as n from kki.attempt')
  assert.equal(attempts[0]?.n, 2, 'one attempt was lost')
})
