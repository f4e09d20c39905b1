import type pg from 'pg'

/** Begins a transaction that reads one snapshot, unaffected by later commits. */
export const oneMoment = { begin: 'begin isolation level repeatable read' }
export const oneMomentReadOnly = { begin: 'begin isolation level repeatable read read only' }

/**
 * Returns what `work` returned, once the transaction has ended; if `work` throws, rolls back and rethrows.
 *
 * @param begin the statement that begins the transaction; `end` the one that ends it.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
  { begin = 'begin', end = 'commit' }: { begin?: string; end?: 'commit' | 'rollback' } = {}
): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  // The connection may break while the work waits for something else. Its next statement then fails. Without a listener the
  // event would end the process and all its other work.
  const onError = (error: Error) => {
    broken = error
  }
  client.on('error', onError)
  try {
    await client.query(begin)
    const result = await work(client)
    await client.query(end)
    return result
  } catch (error) {
    // A primary that has become a standby: another connection may reach the new primary.
    if (isReadOnly(error)) broken = error
    await client.query('rollback').catch(failure => {
      broken = failure
    })
    throw error
  } finally {
    // A broken connection may report another error while it closes.
    if (!broken) client.off('error', onError)
    // A connection that cannot roll back is discarded.
    client.release(broken)
  }
}

/** PostgreSQL's answer to a write on a standby. */
function isReadOnly(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === '25006'
}
