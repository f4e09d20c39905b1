/**
 * Rotates the digest key of a registry of `--people` (default 200,000) and prints the total time, and the part for
 * digesting, for all and for each 100,000 people.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Identity, initIdentity, loadIdentity } from '../sidecar/identity/keys.ts'
import { nikOf } from '../sidecar/identity/seal-place.ts'
import { createDatabase, type Database } from '../sidecar/platform/database.ts'
import { startEmbeddedDatabase } from '../sidecar/platform/embedded-database.ts'
import { createLogger } from '../sidecar/platform/logger.ts'
import { migrate } from '../sidecar/platform/migrations.ts'
import { redigest } from '../sidecar/privacy/redigest.ts'
import { addDigestKey } from '../sidecar/privacy/redigest-keys.ts'
import { createFileSecretStore } from '../sidecar/secrets/file.ts'

const atATime = 10_000

const { values } = parseArgs({ options: { people: { type: 'string', default: '200000' } } })
const people = Number(values.people)
const logger = createLogger('error')
const directory = await mkdtemp(path.join(tmpdir(), 'sdmk-digest-'))
// PostgreSQL may run as another user, who needs access to the folder.
await chmod(directory, 0o711)
const embedded = await startEmbeddedDatabase({ directory, logger })
try {
  await migrate({ databaseUrl: embedded.url, logger })
  const secrets = createFileSecretStore(path.join(directory, 'secrets'))
  await initIdentity(secrets)
  const database = createDatabase({ url: embedded.url, maxConnections: 2 }, logger)
  await populate(database, await loadIdentity(secrets))
  const keys = await addDigestKey(secrets)
  const started = performance.now()
  let digested = 0
  await database.withTransaction(client =>
    redigest(client, keys, {
      onProgress: () => {
        digested = (performance.now() - started) / 1000
      }
    })
  )
  const rotated = (performance.now() - started) / 1000
  await database.pool.end()
  console.log(`people ${people}: ${rotated.toFixed(1)} s, of which digesting took ${digested.toFixed(1)} s`)
  console.log(`for each 100,000: ${perHundredThousand(rotated)} s and ${perHundredThousand(digested)} s`)
} finally {
  await embedded.stop()
  await rm(directory, { recursive: true, force: true })
}

function perHundredThousand(seconds: number): string {
  return ((seconds * 100_000) / people).toFixed(2)
}

/** People in the form that a batch stores; their licences have no digests. */
async function populate({ pool }: Database, identity: Identity): Promise<void> {
  for (let from = 0; from < people; from += atATime) {
    const niks = Array.from({ length: Math.min(atATime, people - from) }, (_, i) => String(10 ** 15 + from + i))
    await pool.query(
      `insert into sdmk.health_worker (id, nik_digest, nik_sealed, name, name_key, birth_place, birth_place_key,
        birth_date, sex, nik_at, name_at)
      overriding system value
      select $3::int + n, digest, sealed, name, upper(name), 'Bandung', 'BANDUNG', date '1960-01-01' + n::int % 15000, 'male', now(), now()
      from unnest($1::bytea[], $2::bytea[]) with ordinality t (digest, sealed, n), lateral (select 'Orang ' || md5($3::int + n || '') as name) named`,
      [niks.map(nik => identity.digestNik(nik)), niks.map((nik, i) => identity.seal(nikOf(from + i + 1), nik)), from]
    )
  }
  await pool.query('analyze sdmk.health_worker')
}
