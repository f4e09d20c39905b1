import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRecordedProfessions } from '../../sidecar/registry/change-counts.ts'
import { countRowsRead } from '../helpers/rows-read.ts'
import { candidate, createRegistry } from './helpers.ts'

test('the changes of a batch are counted by profession, with few reads of its change records', async t => {
  const registry = await createRegistry(t)
  await registry.apply(candidate({ profession: 'nurse' }), candidate({ profession: 'doctor' }))
  const { pool } = registry
  await pool.query(
    `insert into kki.change (batch_id, row_no, operation, health_worker_id) select 1, n, 'created', n from generate_series(1, 1000) n`
  )
  await pool.query('analyze kki.change')
  const count = 5000
  await pool.query(
    `with person as (
      insert into sdmk.health_worker (name, name_key, name_at) select 'X', 'X', now() from generate_series(1, $1) returning id
    ), licence as (
      insert into sdmk.registration (health_worker_id, str_number, str_raw, str_format, profession, status, source_status,
        stated_status, is_lifetime, source_at, content_hash, match_reason)
      select id, 'AB' || id, 'AB' || id, 'lifetime', case when id % 2 = 0 then 'nurse' else 'doctor' end, 'revoked', 'DICABUT',
        'revoked', true, now(), decode(md5(id::text), 'hex'), 'rule8'
      from person returning id, health_worker_id
    )
    insert into kki.change (batch_id, row_no, operation, health_worker_id, registration_id, health_worker_before,
      registration_before)
    select 99, id, 'updated', health_worker_id, id, case when health_worker_id % 10 = 0 then '{"name_key": "Y"}'::jsonb end,
      case when health_worker_id % 4 = 0 then '{"status": "active"}'::jsonb end
    from licence`,
    [count]
  )
  const { result, read } = await countRowsRead(t, registry.url, 'kki.change', other =>
    readRecordedProfessions(other, 99)
  )
  const none = { created: 0, linked: 0, rejected: 0 }
  assert.deepEqual(result, [
    { ...none, profession: 'doctor', updated: count / 2, deactivated: 0, namesChanged: 0 },
    { ...none, profession: 'nurse', updated: count / 2, deactivated: count / 4, namesChanged: count / 10 }
  ])
  assert.ok(read < 5 * count, `${read} change records were read`)
})
