import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inject, kkiRecord } from '../e2e/helpers.ts'
import { until } from '../e2e/process.ts'
import { controls, noncharacters } from '../helpers/unportable.ts'
import { assertMirrored } from './helpers/mirror.ts'
import { drained, openWorld, pending } from './helpers/world.ts'

const { skip, world } = await openWorld()
const points = [...noncharacters, ...controls]
/** Halves of a character: the text has lost a letter, and its row is rejected. */
const halves = [0xd800, 0xdfff]

for (const transport of ['xmlrpc', 'json2'] as const) {
  describe(`text that not every receiver can carry, over ${transport}`, { skip, timeout: 900_000 }, () => {
    test('every person arrives in Odoo whatever characters the texts have, and so do later changes', async t => {
      const { pool, run, simulator, app } = await world.connect(t, transport, { rows: 0 })
      const changed = new Date(simulator.now() - 60_000).toISOString()
      // One name and place, so each has another birth date: no two resemble each other.
      const records = [...points, ...halves].map((point, at) => {
        const text = `Budi${String.fromCodePoint(point)} Santoso`
        const born = new Date(Date.UTC(1950, 0, 1 + 97 * at)).toISOString().slice(0, 10)
        const nik = `317101${born.slice(8)}${born.slice(5, 7)}${born.slice(2, 4)}${String(9999 - at * 61).padStart(4, '0')}`
        return kkiRecord({ nama: text, tempat_lahir: text, nik, tanggal_lahir: born, diubah_pada: changed })
      })
      await inject(
        simulator,
        records.map(record => ({ record }))
      )
      const { state, batches } = await run({})
      const { created, rejected } = batches[0]?.ledger ?? {}
      assert.deepEqual([state, created, rejected], ['applied', points.length, halves.length])
      await drained(pool, 300_000)
      await assertMirrored(pool, world.theirs)
      const names = async () =>
        (await world.theirs.query<{ name: string }>('select name from sdmk_health_worker order by id')).rows.map(
          ({ name }) => name
        )
      assert.equal((await names()).length, points.length)
      assert.deepEqual([...new Set(await names())], ['Budi Santoso'], 'noncharacters go, controls are blanks')

      // As a release without this cleaning stored them; PostgreSQL itself takes neither NUL nor half characters.
      const stored = [...noncharacters, ...controls].filter(point => point !== 0)
      await pool.query(
        `update sdmk.health_worker h set name = 'Budi' || chr(s.point) || 'Lama', version = nextval('sdmk.version_seq')
        from (select point, row_number() over () as n from unnest($1::int[]) point) s,
          (select id, row_number() over (order by id) as n from sdmk.health_worker) w
        where w.n = s.n and h.id = w.id`,
        [stored]
      )
      const { rows } = await pool.query<{ id: number }>('select id from sdmk.health_worker')
      const people = rows.map(({ id }) => Number(id))
      await app.database.withTransaction(client => app.queue.sendMany('odoo-people', [{ people }], client))
      await drained(pool, 300_000)
      await assertMirrored(pool, world.theirs)
      assert.equal((await names()).filter(name => name.endsWith('Lama')).length, stored.length)
    })

    test('one person that Odoo cannot store delays nobody, also after a restart, and arrives once Odoo can', async t => {
      const { pool, run, simulator, restart } = await world.connect(t, transport, { rows: 50 })
      t.after(() => world.theirs.query('drop function if exists injected() cascade'))
      await world.theirs.query(
        `create function injected() returns trigger language plpgsql as $$
        begin
          if new.id = 7 then raise exception 'no place for %', new.name; end if;
          return new;
        end $$;
        create trigger injected before insert or update on sdmk_health_worker for each row execute function injected()`
      )
      await run({})
      const missing = async () => {
        const { rows: ours } = await pool.query<{ id: number }>('select id from sdmk.health_worker order by id')
        const { rows: theirs } = await world.theirs.query<{ id: number }>('select id from sdmk_health_worker')
        const there = new Set(theirs.map(({ id }) => id))
        return ours.map(({ id }) => Number(id)).filter(id => !there.has(id))
      }
      await until('all others are there', async () => (await missing()).join() === '7', 300_000)
      await restart({})
      const changed = new Date(simulator.now() - 60_000).toISOString()
      await inject(simulator, [{ record: kkiRecord({ diubah_pada: changed }) }])
      await run({})
      await until('the new one is there too', async () => (await missing()).join() === '7', 300_000)
      assert.ok((await pending(pool)) > 0, 'what failed waits')
      await world.theirs.query('drop function injected() cascade')
      await drained(pool, 400_000)
      await assertMirrored(pool, world.theirs)
    })
  })
}
