import type { TestContext } from 'node:test'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts'

export interface TokenReply {
  status: number
  error?: string
  access_token: string
  refresh_token: string
  expires_in: number
}

export interface Page {
  data: unknown[]
  meta: { kursor_berikutnya: string | null; total: number }
}

/** A plain client: no retry, no refresh. */
export interface Client {
  simulator: Simulator
  token: TokenReply
  /** Requests a path below the simulator's address with the access token, and returns the answer. */
  get(path: string, headers?: Record<string, string>): Promise<Response>
  page(query?: Record<string, string>): Promise<Page>
  /** Every row of a window, page by page. */
  walk(query?: Record<string, string>): Promise<unknown[]>
}

/** Starts a simulator that ends with the test, and logs in. */
export async function connect(t: TestContext, options: Partial<SimulatorOptions> = {}): Promise<Client> {
  const simulator = await startSimulator({ rows: 0, ...options })
  t.after(() => simulator.close())
  const token = await requestToken(simulator, { grant_type: 'client_credentials' })
  const get: Client['get'] = (path, headers = {}) =>
    fetch(simulator.url + path, { headers: { authorization: `Bearer ${token.access_token}`, ...headers } })
  const page: Client['page'] = async (query = {}) => {
    const response = await get(`/v1/tenaga-kesehatan?${new URLSearchParams(query)}`)
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
    return (await response.json()) as Page
  }
  const walk: Client['walk'] = async (query = {}) => {
    const rows: unknown[] = []
    let cursor: string | null = null
    do {
      const { data, meta }: Page = await page({ batas: '1000', ...query, ...(cursor !== null && { kursor: cursor }) })
      rows.push(...data)
      cursor = meta.kursor_berikutnya
    } while (cursor !== null)
    return rows
  }
  return { simulator, token, get, page, walk }
}

/** Asks the token endpoint; the simulator's own credentials unless `form` brings others. */
export async function requestToken(
  simulator: Pick<Simulator, 'url' | 'clientId' | 'clientSecret'>,
  form: Record<string, string>
): Promise<TokenReply> {
  const { clientId, clientSecret } = simulator
  const response = await fetch(`${simulator.url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: clientId, client_secret: clientSecret, ...form })
  })
  return { ...((await response.json()) as Omit<TokenReply, 'status'>), status: response.status }
}

/** Sends a control over HTTP. */
export async function control(simulator: Simulator, method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(simulator.url + path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  })
}

/** Returns a field of a row, if the row is an object. */
export function field(row: unknown, name: string): unknown {
  return typeof row === 'object' && row !== null ? Object.getOwnPropertyDescriptor(row, name)?.value : undefined
}
