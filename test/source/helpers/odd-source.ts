import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export type Row = Record<string, unknown>

/** The parameters of a list request. */
export interface Asked {
  url: URL
  headers: IncomingMessage['headers']
  since: number | null
  until: number | null
  size: number
}

/** A sent answer. */
export interface Reply {
  status: number
  headers: Record<string, string>
  body: string | Buffer
}

/** The differences of a source from the plain one. */
export interface Oddness {
  /** Changes the rows that it has. */
  rows?: (rows: Row[]) => Row[]
  /** Decides which rows are inside the window. */
  isInside?: (row: Row, asked: Asked) => boolean
  /** Changes the page that is sent. */
  page?: (page: Page, asked: Asked) => unknown
  reply?: (reply: Reply, asked: Asked) => Reply
  token?: (reply: Reply) => Reply
  /** The number of the first page, or of the first row. */
  first?: 0 | 1
  mostRows?: number
  /** Rows of the page that begins at this row, at most. */
  rowsFrom?: (from: number) => number
  delayMs?: number
  accepts?: (headers: IncomingMessage['headers'], url: URL) => boolean
}

export interface Page {
  data: Row[]
  meta: Record<string, unknown>
}

const rowCount = 240
const stepMs = 600_000
/** Whole seconds, so that every format of a window can name each time of change. */
const lastChange = Math.floor(Date.now() / 60_000) * 60_000 - 86_400_000

/** Invented people in the order of their change, ten minutes apart. A NIK tells the day of birth. */
export function createRows(): Row[] {
  return Array.from({ length: rowCount }, (_, index) => {
    const day = String((index % 28) + 1).padStart(2, '0')
    const month = String((index % 9) + 1).padStart(2, '0')
    const isWoman = index % 2 === 0
    return {
      nomor_str: `EQ${String(77_000_000 + index).padStart(14, '0')}`,
      nik: `3171${String((index % 60) + 10)}${isWoman ? Number(day) + 40 : day}${month}85${String(index + 1).padStart(4, '0')}`,
      nama: ['Sukarno Wijaya', 'Siti Rahmawati', 'Gede Suryana', 'Tiurma Hutapea'][index % 4],
      gelar_belakang: 'S.Kep',
      tanggal_lahir: `${day}-${month}-1985`,
      jenis_kelamin: isWoman ? 'P' : 'L',
      profesi: ['PERAWAT', 'BIDAN', 'DOKTER'][index % 3],
      status_str: 'AKTIF',
      tanggal_terbit: '2024-02-01',
      berlaku_sampai: 'Seumur Hidup',
      institusi_pendidikan: 'Universitas Contoh',
      tahun_lulus: 2008,
      diubah_pada: new Date(lastChange - (rowCount - index) * stepMs).toISOString()
    }
  })
}

export interface OddSource {
  url: string
  oddness: Oddness
  close(): Promise<void>
}

/** Starts a source that pages by cursor, page number, offset or link, as requested, with the present oddness. */
export async function startOddSource(): Promise<OddSource> {
  const server = createServer((request, response) => {
    answer(source.oddness, source.url, request, response).catch(error => response.destroy(error))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const source: OddSource = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    oddness: {},
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
  return source
}

async function answer(oddness: Oddness, base: string, request: IncomingMessage, response: ServerResponse) {
  const url = new URL(request.url ?? '/', base)
  const body = await text(request)
  if (oddness.delayMs !== undefined) await new Promise(resolve => setTimeout(resolve, oddness.delayMs))
  let reply: Reply
  if (url.pathname === '/oauth2/token') {
    const isKnown = new URLSearchParams(body).get('client_secret') === 'not-a-secret'
    const token = { access_token: 'token-of-the-odd-source', token_type: 'Bearer', expires_in: 3600 }
    reply = isKnown ? json(200, token) : json(401, { error: 'invalid_client' })
    reply = oddness.token?.(reply) ?? reply
  } else if (url.pathname !== '/v1/nakes') reply = json(404, { message: 'not found' })
  else {
    const accepts = oddness.accepts ?? (({ authorization }) => authorization === 'Bearer token-of-the-odd-source')
    const asked = askedBy(url, request)
    reply = accepts(request.headers, url) ? listReply(oddness, asked, base) : json(401, { message: 'unauthorized' })
    reply = oddness.reply?.(reply, asked) ?? reply
  }
  response.writeHead(reply.status, reply.headers).end(reply.body)
}

function askedBy(url: URL, { headers }: IncomingMessage): Asked {
  const time = (name: string) => {
    const value = url.searchParams.get(name)
    return value === null ? null : Date.parse(value)
  }
  const size = Number(url.searchParams.get('batas') ?? 50)
  return { url, headers, since: time('sejak'), until: time('sampai'), size }
}

function listReply(
  { rows, isInside, page, first = 1, mostRows = 1000, rowsFrom }: Oddness,
  asked: Asked,
  base: string
): Reply {
  const { url } = asked
  const all = rows?.(createRows()) ?? createRows()
  const inside = all.filter(row => (isInside ?? isPlainlyInside)(row, asked))
  const size = Math.min(asked.size, mostRows)
  const given = (name: string) => url.searchParams.get(name)
  const start = given('page')
    ? (Number(given('page')) - first) * size
    : given('offset')
      ? Number(given('offset')) - first
      : Number(given('kursor') ?? 0)
  const from = Math.max(start, 0)
  const end = from + Math.min(size, rowsFrom?.(from) ?? size)
  const data = inside.slice(from, end)
  const hasMore = end < inside.length
  const next = new URL(url)
  next.searchParams.set('kursor', String(end))
  const meta = {
    total: inside.length,
    kursor_berikutnya: hasMore ? String(end) : null,
    alamat: hasMore ? next.href : null
  }
  const standard = { data, meta }
  return json(
    200,
    page === undefined ? standard : page(standard, asked),
    hasMore ? { link: `<${base}/v1/nakes${next.search}>; rel="next"` } : {}
  )
}

export function isPlainlyInside(row: Row, { since, until }: Asked): boolean {
  const ms = Date.parse(String(row.diubah_pada))
  return (since === null || ms >= since) && (until === null || ms < until)
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}
