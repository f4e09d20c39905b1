import { hash } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import fp from 'fastify-plugin'
import type pg from 'pg'
import { ConfigurationError } from '../errors.ts'
import { connectToPrimary, openClient } from '../platform/connection.ts'
import { readFolderId } from './folder-id.ts'

export interface OneFolderOptions {
  databaseUrl: string
  directory: string
  /** The delay before a claim that ended with its connection is repeated. */
  pauseMs?: number
}

/** "SDMK": the first key of our advisory locks. The second key is the folder; 0 serialises the check. */
const lockClass = 0x53444d4b
const defaultPauseMs = 5_000

/**
 * Lets a fetching process run only while all others keep KKI's tokens in the same folder. With separate disks each process
 * would spend refresh tokens that the others do not have. A process claims its folder by a shared advisory lock, which ends
 * with its connection, so a killed process blocks no other.
 * @throws ConfigurationError at the start, if another folder is in use
 */
export default fp<OneFolderOptions>(
  async function oneFolderPlugin(app, { databaseUrl, directory, pauseMs = defaultPauseMs }) {
    const claim = new FolderClaim(databaseUrl, await readFolderId(directory), pauseMs, app.log)
    await claim.start()
    app.health.register('secrets', async () => claim.check())
    app.addHook('onClose', async () => claim.close())
  },
  { name: 'one-folder', fastify: '5.x', dependencies: ['database', 'health'] }
)

class FolderClaim {
  readonly #databaseUrl: string
  readonly #key: number
  readonly #pauseMs: number
  readonly #logger: FastifyBaseLogger
  #client: pg.Client | null = null
  #timer: NodeJS.Timeout | undefined
  #conflict: ConfigurationError | null = null
  #isClosed = false

  constructor(databaseUrl: string, folderId: string, pauseMs: number, logger: FastifyBaseLogger) {
    this.#pauseMs = pauseMs
    this.#databaseUrl = databaseUrl
    this.#key = Number.parseInt(hash('sha256', folderId).slice(0, 8), 16) & 0x7fffffff || 1
    this.#logger = logger
  }

  async start(): Promise<void> {
    const client = openClient(this.#databaseUrl, 'sdmk secrets folder')
    client.on('error', () => this.#startAgain(client))
    client.on('end', () => this.#startAgain(client))
    try {
      // On a standby the claim would be seen by no other process.
      await connectToPrimary(client, this.#databaseUrl)
      await claimFolder(client, this.#key)
      this.#client = client
      this.#conflict = null
    } catch (error) {
      await client.end().catch(() => undefined)
      throw error
    }
  }

  /** @throws ConfigurationError if another folder came into use during an outage of the database */
  async check(): Promise<undefined> {
    if (this.#conflict) throw this.#conflict
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#client?.end().catch(() => undefined)
  }

  /** The claim ended with its connection; the database may have been restarted. */
  #startAgain(client: pg.Client): void {
    if (this.#isClosed || this.#client !== client) return
    this.#client = null
    this.#schedule()
  }

  #schedule(): void {
    this.#timer = setTimeout(async () => {
      try {
        await this.start()
        if (this.#isClosed) await this.close()
      } catch (error) {
        if (error instanceof ConfigurationError && this.#conflict === null) {
          this.#conflict = error
          this.#logger.error({ err: error }, 'processes with the role fetch keep their secrets in two folders')
        }
        if (!this.#isClosed) this.#schedule()
      }
    }, this.#pauseMs).unref()
  }
}

async function claimFolder(client: pg.Client, key: number): Promise<void> {
  // If a machine vanishes, the server notices after a minute and frees the lock; the system's default is two hours.
  await client.query('set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3')
  await client.query("begin; set local lock_timeout = '10s'")
  // One at a time, so that of two processes that start together the first one stays.
  await client.query('select pg_advisory_xact_lock($1::int, 0)', [lockClass])
  await client.query('select pg_advisory_lock_shared($1::int, $2::int)', [lockClass, key])
  const { rowCount } = await client.query(
    `select from pg_locks
    where locktype = 'advisory' and granted and objsubid = 2 and classid = $1::int::oid
      and objid not in (0, $2::int::oid)
      and database = (select oid from pg_database where datname = current_database())
    limit 1`,
    [lockClass, key]
  )
  await client.query('commit')
  if (rowCount === 0) return
  throw new ConfigurationError(
    'SDMK_SECRETS_DIR',
    'another process with the role "fetch" keeps its secrets in another folder; share one folder, or use Vault (SDMK_VAULT_ADDR)'
  )
}
