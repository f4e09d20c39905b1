import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OdooLink } from '../../sidecar/odoo/link.ts'
import { repairPeople } from '../../sidecar/odoo/repair.ts'
import type { Table } from '../../sidecar/odoo/tables.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { rowsOf } from './helpers/tables.ts'

const { signal } = new AbortController()

describe('a repair', () => {
  test('is repeated if the registry changed meanwhile, so that Odoo does not get older data', async t => {
    const { pool } = await createTestDatabase(t)
    const insert = `insert into sdmk.health_worker (name, name_key, name_at) values ($1, $1, now())`
    await pool.query(insert, ['FIRST REKAAN'])
    await pool.query(insert, ['SECOND REKAAN'])
    const told: { repair: object; health_workers: Table }[] = []
    const link = {
      async deliver({ payload }: { payload: string }) {
        told.push(JSON.parse(payload))
        if (told.length === 1) {
          await pool.query(
            `update sdmk.health_worker set name = 'Renamed', version = nextval('sdmk.version_seq') where id = 1`
          )
        }
        if (told.length === 2) await pool.query('delete from sdmk.health_worker where id = 2')
      }
    } as unknown as OdooLink
    await repairPeople({ pool, link }, { from: 0, to: 4999 }, { requestId: 'test', signal })
    assert.deepEqual(
      told.map(({ health_workers }) => rowsOf(health_workers).map(({ name }) => name)),
      [['FIRST REKAAN', 'SECOND REKAAN'], ['Renamed', 'SECOND REKAAN'], ['Renamed']]
    )
    assert.deepEqual(told[0]?.repair, { health_workers: [0, 4999] })
  })
})
