import pg from 'pg'
import { ConfigurationError } from '../errors.ts'
import { connectionOptions, unavailable } from './connection.ts'

/** A pooler reuses the session that was released last, so a few attempts are enough to detect it. */
const tries = 3

/**
 * Rejects a pooler that shares one server session between several clients, such as PgBouncer in transaction mode. With it
 * notifications are lost, and a session lock of one client would belong to the next client.
 *
 * @throws ConfigurationError, DatabaseUnavailable
 */
export async function refuseSharedSessions(url: string): Promise<void> {
  const clients = [open(url), open(url)] as const
  try {
    for (const client of clients) await client.connect()
    for (let n = 0; n < tries; n++) {
      const [one, other] = [await sessionOf(clients[0]), await sessionOf(clients[1])]
      if (one !== other) continue
      throw new ConfigurationError(
        'SDMK_DATABASE_URL',
        'leads to a pooler that shares sessions between clients; set its pool mode to "session", or connect to PostgreSQL directly'
      )
    }
  } catch (error) {
    throw error instanceof ConfigurationError ? error : unavailable(url, error)
  } finally {
    for (const client of clients) await client.end().catch(() => undefined)
  }
}

const open = (url: string) => new pg.Client(connectionOptions(url, 'sdmk start'))

async function sessionOf(client: pg.Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid
}
