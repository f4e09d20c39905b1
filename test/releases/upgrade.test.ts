import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import type pg from 'pg'
import { openClient } from '../../sidecar/platform/connection.ts'
import { serviceRole } from '../../sidecar/platform/embedded-database.ts'
import { migrate } from '../../sidecar/platform/migrations.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { renderSchema } from '../../tools/docs/render-schema.ts'
import { temporaryFolder } from '../e2e/helpers.ts'
import { runSdmk } from '../e2e/process.ts'
import { createEmptyDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'
import { writeKeys } from './keys.ts'

const kept = globSync('*.sql.gz', { cwd: fileURLToPath(new URL('.', import.meta.url)) }).sort()

describe('a database of each released version', { timeout: 600_000 }, () => {
  test('is kept', () => assert.ok(kept.includes('1.0.0.sql.gz')))

  for (const file of kept) {
    test(`${path.basename(file, '.sql.gz')} becomes one of this version, loses nothing and goes on working`, async t => {
      const { url, ownerUrl } = await createEmptyDatabase()
      const client = await connect(t, ownerUrl)
      await client.query(gunzipSync(await readFile(new URL(file, import.meta.url))).toString('utf8'))
      await client.query('reset search_path')
      const before = await countRows(client)
      assert.ok((before['sdmk.health_worker'] ?? 0) > 200, 'the kept database has people')

      await migrate({ databaseUrl: ownerUrl, grantTo: serviceRole, logger: silent })
      const fresh = await readFile(new URL('../../docs/reference/schema.sql', import.meta.url), 'utf8')
      const lines = (text: string) => new Set(text.split('\n'))
      const [upgraded, expected] = [lines(await renderSchema(client)), lines(fresh)]
      assert.deepEqual(
        [...upgraded].filter(line => !expected.has(line)),
        [],
        'lines that a new schema does not have'
      )
      assert.deepEqual(
        [...expected].filter(line => !upgraded.has(line)),
        [],
        'lines that only a new schema has'
      )
      const after = await countRows(client)
      for (const [table, count] of Object.entries(before)) assert.equal(after[table], count, `rows of ${table}`)

      const simulator = await startSimulator({ rows: 300, seed: 7 })
      t.after(() => simulator.close())
      const secretsDir = await temporaryFolder(t)
      const secrets = createFileSecretStore(secretsDir)
      await writeKeys(secrets)
      await secrets.write('kki', simulator.secret)
      const env = { SDMK_DATABASE_URL: url, SDMK_SECRETS_DIR: secretsDir, KKI_BASE_URL: simulator.url, KKI_SETTLE: '0' }
      const { findings } = JSON.parse((await runSdmk(['doctor', '--json'], env)).stdout) as {
        findings: { check: string; state: string }[]
      }
      const stateOf = (check: string) => findings.find(finding => finding.check === check)?.state
      for (const check of ['schema', 'keys', 'audit chain']) assert.equal(stateOf(check), 'ok', check)
      const synced = await runSdmk(['sync', '--mode', 'full', '--json'], env)
      assert.equal(synced.code, 0, synced.stderr)
      const { fetched, rejected } = JSON.parse(synced.stdout) as { fetched: number; rejected: number }
      assert.ok(fetched - rejected > 200, `${fetched} rows, ${rejected} of them rejected`)
    })
  }
})

async function connect(t: TestContext, url: string): Promise<pg.Client> {
  const client = openClient(url, 'sdmk upgrade')
  await client.connect()
  t.after(() => client.end())
  return client
}

/** The rows of each table of ours, without the list of migrations. */
async function countRows(client: pg.Client): Promise<Record<string, number>> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('sdmk', 'kki') and tablename <> 'schema_version' order by 1`
  )
  const counts: Record<string, number> = {}
  for (const { name } of tables) {
    const { rows } = await client.query<{ count: number }>(`select count(*)::int as count from ${name}`)
    counts[name] = rows[0]?.count ?? 0
  }
  return counts
}
