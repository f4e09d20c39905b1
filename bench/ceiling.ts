import { Client, request } from 'undici'
import type { Kki } from './world.ts'

/** Bytes at the end of a page, which contain its cursor. */
const tailBytes = 2000

export interface Ceiling {
  pages: number
  rows: number
  seconds: number
}

/** Returns the speed of a walk over a simulated KKI that does nothing with the rows. */
export async function measureCeiling(kki: Kki, pageSize: number): Promise<Ceiling> {
  const { rowsServed, pagesServed } = await kki.control<Counts>('/_stats')
  const seconds = await walk(kki, pageSize, () => undefined)
  const after = await kki.control<Counts>('/_stats')
  return { pages: after.pagesServed - pagesServed, rows: after.rowsServed - rowsServed, seconds }
}

/** Passes on every page of a simulated KKI's list, and returns the seconds of the walk. */
export async function walk(kki: Kki, pageSize: number, visit: (page: Buffer) => void): Promise<number> {
  const authorization = `Bearer ${await accessToken(kki)}`
  const started = performance.now()
  const client = new Client(kki.url)
  let kursor: string | null = null
  do {
    const query: Record<string, string> = { batas: String(pageSize), ...(kursor !== null && { kursor }) }
    const { statusCode, body } = await client.request({
      method: 'GET',
      path: `/v1/tenaga-kesehatan?${new URLSearchParams(query)}`,
      headers: { authorization }
    })
    const page = Buffer.from(await body.arrayBuffer())
    if (statusCode !== 200) throw new Error(`the simulator answered ${statusCode}`)
    visit(page)
    kursor = nextCursor(page)
  } while (kursor !== null)
  await client.close()
  return (performance.now() - started) / 1000
}

interface Counts {
  pagesServed: number
  rowsServed: number
}

function nextCursor(page: Buffer): string | null {
  const tail = page.toString('utf8', page.length - tailBytes)
  const [, cursor] = /"kursor_berikutnya":(null|"[^"]*"),"total":\d+\}\}$/.exec(tail) ?? []
  if (cursor === undefined) throw new Error('a page does not end as the simulator ends it')
  return JSON.parse(cursor) as string | null
}

async function accessToken({ url, clientId, clientSecret }: Kki): Promise<string> {
  const { body } = await request(`${url}/oauth2/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret
    }).toString()
  })
  const { access_token } = (await body.json()) as { access_token: string }
  return access_token
}
