import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type pg from 'pg'
import { createIdentityKeys, type Identity, newKey } from '../../sidecar/identity/keys.ts'
import {
  changes,
  formerNiks,
  healthWorkers,
  occurrences,
  placeColumns,
  placeOf,
  stagedRejections,
  stagedRows
} from '../../sidecar/identity/sealed-stores.ts'
import { inTransaction } from '../../sidecar/platform/transaction.ts'
import { reseal } from '../../sidecar/privacy/reseal.ts'
import { editHealthWorker } from '../../sidecar/registry/edit.ts'
import { NikTaken } from '../../sidecar/registry/errors.ts'
import { undoBatch } from '../../sidecar/registry/undo.ts'
import { anyRow } from './feeds.ts'
import { applyRows, createRegistry } from './helpers.ts'

const asOf = '2026-06-01'
const numRuns = Number(process.env.TEST_PROPERTY_RUNS ?? 12)
const stores = [healthWorkers, formerNiks, changes, occurrences, stagedRows, stagedRejections]
const niks = ['3171014101900011', '1271010202800021', '3171014101900055', '3171014101900056']

const some = fc.nat({ max: 20 })
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('feed'), rows: fc.array(anyRow, { minLength: 1, maxLength: 6 }) })
  },
  fc.record({ do: fc.constant('import'), rows: fc.array(anyRow, { minLength: 1, maxLength: 3 }) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('decide'), row: anyRow, whom: fc.option(some) }) },
  fc.record({ do: fc.constant('edit'), whom: some, nik: fc.option(fc.constantFrom(...niks)) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('undo'), which: some }) },
  fc.record({ do: fc.constant('reseal') })
)

test('for any feed, decisions, edits, undos and resealing, every sealed value opens at its place and matches its digest', async t => {
  const { pool, database } = await createRegistry(t)
  const secret: Record<string, string> = { digestKey: newKey(), auditKeyId: '1', auditKey1: newKey() }
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async steps => {
      await pool.query('select kki.drop_staging(id) from kki.batch')
      await pool.query('truncate sdmk.health_worker, sdmk.str_number, kki.run, kki.change cascade')
      let sealKeyId = 1
      Object.assign(secret, { sealKeyId: '1', sealKey1: newKey() })
      const applied: number[] = []
      for (const s of steps) {
        const identity = createIdentityKeys(secret)
        const { rows: people } = await pool.query<{ id: number; version: number }>(
          'select id, version from sdmk.health_worker order by id'
        )
        const pick = (n: number) => people[n % people.length]
        if ('rows' in s) {
          const isImport = s.do === 'import'
          const rows = isImport ? s.rows.map(row => ({ ...row, personAt: 'infinity' as const })) : s.rows
          const options = isImport ? { kind: 'import', hasOwnPeople: true } : {}
          applied.push((await applyRows(database, identity, rows, options)).batchId)
        } else if ('row' in s) {
          const { strNumber, nik, nameKey } = s.row
          const person = s.whom === null ? null : (pick(s.whom)?.id ?? null)
          await pool.query('update kki.decision set withdrawn_at = now() where str_number = $1', [strNumber])
          await pool.query(
            `insert into kki.decision (str_number, nik_digest, name_key, health_worker_id, decided_by)
            values ($1, $2, $3, $4, 'verifier')`,
            [strNumber, nik && identity.digestNik(nik), nik === null ? nameKey : null, person]
          )
          applied.push((await applyRows(database, identity, [s.row], { kind: 'decision' })).batchId)
        } else if ('nik' in s) {
          const person = pick(s.whom)
          if (person) await edit(database, identity, person, s.nik)
        } else if ('which' in s) {
          const [batchId] = applied.splice(s.which % applied.length, 1)
          if (batchId !== undefined) await undo(database, pool, identity, batchId)
        } else {
          sealKeyId++
          Object.assign(secret, { sealKeyId: String(sealKeyId), [`sealKey${sealKeyId}`]: newKey() })
          const { faults } = await reseal(work => inTransaction(pool, work), createIdentityKeys(secret), sealKeyId)
          assert.deepEqual(faults, [])
        }
        const last = applied.at(-1)
        if (last !== undefined) await setState(pool, last, 'applied')
        await assertAllOpen(pool, createIdentityKeys(secret), seen)
      }
    }),
    { numRuns }
  )
  t.diagnostic([...seen].map(([table, count]) => `${table}: ${count}`).join(', '))
  for (const { table } of stores) assert.ok((seen.get(table) ?? 0) > 0 || numRuns < 12, `${table} was never reached`)
})

async function assertAllOpen(pool: pg.Pool, identity: Identity, seen: Map<string, number>): Promise<void> {
  for (const store of stores) {
    const { rows } = await pool.query<{ row: string; beside: string | null; sealed: Buffer; digest: Buffer | null }>(
      `select ${placeColumns(store)}, ${store.sealed} as sealed, ${store.digest} as digest
      from ${store.table} t where ${store.sealed} is not null`
    )
    for (const { sealed, digest, ...at } of rows) {
      const value = identity.open(placeOf(store, at), sealed).toString()
      const found = store.kind === 'nik' ? identity.digestNik(value) : identity.digestRow(value)
      // An edit that enters the same NIK once more changes its seal alone.
      if (digest !== null) assert.deepEqual(found, digest, `${store.table}, ${at.row}`)
    }
    seen.set(store.table, (seen.get(store.table) ?? 0) + rows.length)
  }
}

async function edit(
  database: Parameters<typeof applyRows>[0],
  identity: ReturnType<typeof createIdentityKeys>,
  { id, version }: { id: number; version: number },
  nik: string | null
): Promise<void> {
  const never = () => false
  const context = {
    identity,
    birthPlaceOf: () => null,
    isBlank: { name: never, titlePrefix: never, titleSuffix: never, birthPlace: never },
    today: asOf
  }
  await database
    .withTransaction(client => editHealthWorker(client, context, id, version, { nik }))
    .catch(error => {
      if (!(error instanceof NikTaken)) throw error
    })
}

async function undo(
  database: Parameters<typeof applyRows>[0],
  pool: pg.Pool,
  identity: Identity,
  batchId: number
): Promise<void> {
  await database.withTransaction(client => undoBatch(client, batchId, identity, asOf))
  await setState(pool, batchId, 'undone')
}

async function setState(pool: pg.Pool, batchId: number, state: string): Promise<void> {
  await pool.query(
    `update kki.batch set state = $2, as_of = $3, plan_digest = 'x', undone_at = case when $2 = 'undone' then now() end
    where id = $1`,
    [batchId, state, asOf]
  )
}
