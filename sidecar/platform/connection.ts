import pg from 'pg'
import { certificateFault } from './certificate-fault.ts'
import { DatabaseUnavailable } from './errors.ts'

const connectTimeoutMs = 5000

/**
 * A host that vanished sends nothing. After this much silence the kernel sends probes, and Node makes it close the
 * connection ten seconds later. The kernel's default is two hours.
 */
const keepAliveInitialDelayMillis = 10_000

/** Returns the connection timeout in ms, from `connect_timeout` of the URL, which is in seconds as in libpq. */
export function connectTimeoutOf(url: string): number {
  const given = /[?&]connect_timeout=(\d+)/.exec(url)?.[1]
  return given === undefined ? connectTimeoutMs : Number(given) * 1000
}

/** Returns the options for every connection of this process. */
export function connectionOptions(url: string, applicationName: string) {
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutOf(url),
    keepAlive: true,
    keepAliveInitialDelayMillis
  }
}

/**
 * Connects the client, but only to a primary.
 *
 * @throws DatabaseUnavailable with the reason, never with the login
 */
export async function connectToPrimary(client: pg.Client, url: string): Promise<void> {
  try {
    await client.connect()
    await requirePrimary(client, url)
  } catch (error) {
    throw error instanceof DatabaseUnavailable ? error : unavailable(url, error)
  }
}

/** @throws DatabaseUnavailable if the server is a standby: reads would be stale, and every write would fail */
export async function requirePrimary(connection: pg.ClientBase | pg.Pool, url: string): Promise<void> {
  const { rows } = await connection.query<{ isStandby: boolean }>('select pg_is_in_recovery() as "isStandby"')
  if (rows[0]?.isStandby) throw new DatabaseUnavailable(serverOf(url), 'is a standby; the service needs the primary')
}

/**
 * Returns nothing if the database answers and is the primary.
 *
 * @throws DatabaseUnavailable with the reason, never with the login
 */
export async function checkDatabase(url: string): Promise<void> {
  const client = openClient(url)
  try {
    await connectToPrimary(client, url)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Returns a separate client, not yet connected, with the parsers of the pool. The caller ends it. */
export function openClient(url: string, applicationName = 'sdmk'): pg.Client {
  try {
    return new pg.Client({ ...connectionOptions(url, applicationName), types })
  } catch (error) {
    throw unavailable(url, error)
  }
}

/** Returns the error that a failed connection to `url`, the value of `setting`, is reported as. */
export function unavailable(url: string, error: unknown, setting?: string): DatabaseUnavailable {
  return new DatabaseUnavailable(serverOf(url), reasonOf(error), { cause: error }, setting)
}

/** Closes the connection without waiting for the server. Pending queries fail. */
export function breakConnection(client: pg.ClientBase): void {
  // The types lack the connection, which every client has.
  ;(client as unknown as { connection: pg.Connection }).connection.stream.destroy()
}

/** `int8` comes as a number, `date` as `YYYY-MM-DD`. */
export const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, toSafeInteger)
types.setTypeParser(pg.types.builtins.DATE, text => text)
/** The array types of both, which `pg.types.builtins` lacks. */
const int8Array = 1016
const dateArray = 1182
const textArray = 1009
// The types declare a number as the parser's argument; the server sends text.
const parseTextArray = types.getTypeParser(textArray) as unknown as (text: string) => (string | null)[]
types.setTypeParser(int8Array, text => parseTextArray(text).map(item => (item === null ? null : toSafeInteger(item))))
types.setTypeParser(dateArray, parseTextArray)

function toSafeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('an int8 from the database is too large for a number')
  return value
}

function serverOf(url: string): string {
  try {
    const { hostname, port } = new URL(url)
    return `${hostname || 'localhost'}:${port || 5432}`
  } catch {
    return 'an invalid address'
  }
}

const certificateSettings = { address: 'SDMK_DATABASE_URL', authority: 'sslrootcert of SDMK_DATABASE_URL' }

/** A text for common causes; otherwise only the code, since texts of the driver can repeat the login. */
function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  if (code === '28P01' || code === '28000') return `denies the login (${code})`
  if (code === '3D000') return `has no database of that name (${code})`
  if (code === '57P03') return `is not ready yet (${code})`
  if (code === '53300') return `has no connection to spare (${code})`
  if (code) return certificateFault(code, certificateSettings) ?? `cannot be reached (${code})`
  if (/timeout/i.test(message ?? '')) return 'cannot be reached (no answer in 5 s)'
  if (/does not support SSL/.test(message ?? '')) {
    return 'offers no TLS: give it a certificate, or allow this with sslmode=disable in the URL and SDMK_INSECURE=database'
  }
  return 'cannot be reached'
}
