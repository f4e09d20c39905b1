import pg from 'pg'
import { ConfigurationError } from '../errors.ts'
import { connectionOptions, unavailable } from './connection.ts'

/** A pooler lends the session that was returned last, so a few tries are enough to see that it lends. */
const tries = 3

/**
 * Refuses a pooler that lends one session of the server to several clients, such as PgBouncer in transaction mode. There
 * notifications get lost, and a lock that one client holds for its session would be the next client's.
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
