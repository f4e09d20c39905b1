import pg from 'pg'

/** Runs statements as the superuser of `serverUrl`, on its maintenance database unless another is named. */
export async function withAdmin<T>(
  serverUrl: string,
  work: (client: pg.Client) => Promise<T>,
  database = 'postgres'
): Promise<T> {
  const url = new URL(serverUrl)
  url.pathname = `/${database}`
  const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
