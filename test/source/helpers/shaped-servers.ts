import { createCipheriv, createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

/** One licence of an invented person. */
export interface Licence {
  str: string
  nik: string
  name: string
  /** YYYY-MM-DD */
  born: string
  isMale: boolean
  isRevoked: boolean
  changedAt: number
}

export interface Received {
  method: string
  url: URL
  headers: IncomingHttpHeaders
  body: string
}

export interface Reply {
  status?: number
  headers?: Record<string, string>
  body: unknown
}

/** A server of one shape. It is written by hand, apart from the simulator, so that both check each other. */
export interface Shape {
  name: string
  /** The description, by its path in the repository. */
  file: string
  secret: Record<string, string>
  /** Whether its credentials can expire. */
  expires: boolean
  /** The secret behind `secret` when the credentials have been changed; absent if a new token is requested. */
  nextSecret?: Record<string, string>
  /** Answers a list request with valid credentials. */
  list(request: Received, state: ShapedServer): Reply
  /** Answers requests other than list requests, such as token requests; `null` for a list request. */
  other(request: Received, state: ShapedServer): Reply | null
  /** Tells whether a list request carries the credentials that are valid now. */
  isAllowed(request: Received, state: ShapedServer): boolean
  refuse(): Reply
  /** The answer instead of a page if the source asks to try later; absent if the shape has no such answer. */
  tryLater?: Reply
  /** The answer instead of a page to a wrong request. */
  stop: Reply
}

export interface ShapedServer {
  url: string
  licences: Licence[]
  /** Counts credentials: those of the first generation are valid until it rises. */
  generation: number
  tokensIssued: number
  /** List requests with valid credentials. */
  lists: Received[]
  /** Replies that take the place of a page, by the number of the list request. */
  instead: Map<number, Reply>
  /** Called before the list request of this number is answered. */
  before: Map<number, () => unknown>
}

/** Starts a server of a shape on a free port; it ends with the test. */
export async function startShaped(t: TestContext, shape: Shape, licences: Licence[]): Promise<ShapedServer> {
  const state: ShapedServer = {
    url: '',
    licences: licences.toSorted((a, b) => a.changedAt - b.changedAt),
    generation: 1,
    tokensIssued: 0,
    lists: [],
    instead: new Map(),
    before: new Map()
  }
  const server = createServer(async (incoming, response) => {
    const url = new URL(incoming.url ?? '/', state.url)
    const request = { method: incoming.method ?? '', url, headers: incoming.headers, body: await text(incoming) }
    const reply = shape.other(request, state) ?? (await answerList(request))
    const { status = 200, headers = {}, body } = reply
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  })

  async function answerList(request: Received): Promise<Reply> {
    const number = state.lists.length + 1
    const before = state.before.get(number)
    state.before.delete(number)
    await before?.()
    if (!shape.isAllowed(request, state)) return shape.refuse()
    state.lists.push(request)
    return state.instead.get(number) ?? shape.list(request, state)
  }

  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.after(
    () =>
      new Promise(resolve => {
        server.close(resolve)
        server.closeAllConnections()
      })
  )
  return state
}

/** Returns an instant in Jakarta as YYYY-MM-DD HH:mm:ss. */
export function jakarta(ms: number): string {
  return new Date(ms + 7 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')
}

const months = 'Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember'.split(' ')

const pageNumbers: Shape = {
  name: 'page-number-api-key',
  file: 'contracts/sources/examples/page-number-api-key.json',
  expires: true,
  secret: { apiKey: 'kunci-1' },
  nextSecret: { apiKey: 'kunci-2' },
  other: () => null,
  isAllowed: ({ headers }, { generation }) => headers['x-api-key'] === `kunci-${generation}`,
  refuse: () => ({ status: 401, body: { message: 'Unauthenticated.' } }),
  stop: { body: { success: 'false', message: 'per_page terlalu besar' } },
  list({ url }, { licences }) {
    const query = Object.fromEntries(url.searchParams)
    const [page, size] = [Number(query.page), Number(query.per_page)]
    const days = [query.updated_from ?? '0000', query.updated_to ?? '9999'] as const
    const found = licences.filter(({ changedAt }) => {
      const day = jakarta(changedAt).slice(0, 10)
      return days[0] <= day && day <= days[1]
    })
    const data = found.slice((page - 1) * size, page * size).map(one => ({
      no_str: one.str,
      no_ktp: one.nik,
      nama_lengkap: one.name,
      tempat_lahir: 'Bandung',
      tgl_lahir: one.born.split('-').reverse().join('-'),
      id_jenis_kelamin: one.isMale ? 1 : 2,
      profesi: { nama: 'DOKTER', kompetensi: null },
      status: one.isRevoked ? 3 : 1,
      tgl_terbit: '01-02-2024',
      tgl_berakhir: null,
      perguruan_tinggi: 'Universitas Rekaan',
      tahun_lulus: '2010',
      provinsi: { nama: 'Jawa Barat' },
      updated_at: jakarta(one.changedAt)
    }))
    const last = Math.max(1, Math.ceil(found.length / size))
    return {
      body: {
        current_page: page,
        data,
        last_page: last,
        per_page: String(size),
        total: found.length,
        next_page_url: null
      }
    }
  }
}

const offsets: Shape = {
  name: 'offset-session-login',
  file: 'contracts/sources/examples/offset-session-login.json',
  expires: true,
  secret: { username: 'sdmk', password: 'bukan-rahasia' },
  other({ url, body }, state) {
    if (url.pathname !== '/rest/login') return null
    const { username, password } = JSON.parse(body)
    if (username !== 'sdmk' || password !== 'bukan-rahasia')
      return { body: { metaData: { code: 401 }, response: null } }
    state.tokensIssued++
    return { body: { metaData: { code: 200 }, response: { token: `sesi-${state.generation}` } } }
  },
  isAllowed: ({ headers }, { generation }) => headers['x-token'] === `sesi-${generation}`,
  // A number here and a text there, as real ones do.
  refuse: () => ({ body: { metaData: { code: '401', message: 'sesi habis' }, response: null } }),
  tryLater: { body: { metaData: { code: 503, message: 'sibuk' }, response: null } },
  stop: { body: { metaData: { code: 412, message: 'salah' }, response: null } },
  list({ method, body }, { licences }) {
    const { mulai, jumlah, waktu_ubah: window = {} } = JSON.parse(body)
    if (method !== 'POST' || typeof mulai !== 'number' || typeof jumlah !== 'number') return { status: 400, body: {} }
    const since = Number(window.dari ?? 0) * 1000
    const until = Number(window.sampai ?? 1e12) * 1000
    const found = licences.filter(({ changedAt }) => changedAt >= since && changedAt < until)
    // Fewer than asked for, as a source that caps its pages.
    const list = found.slice(mulai, mulai + Math.min(jumlah, 3)).map(one => {
      const [first, ...others] = one.name.split(' ')
      const [year, month, day] = one.born.split('-')
      return {
        nik: one.nik.replace(/(\d{4})(?=\d)/g, '$1 '),
        nama_depan: first,
        nama_tengah: '',
        nama_belakang: others.join(' '),
        gelar: { depan: 'dr.', belakang: null },
        tempat_lahir: 'Bandung',
        tanggal_lahir: `${Number(day)} ${months[Number(month) - 1]} ${year}`,
        jenis_kelamin: one.isMale ? 'L' : 'P',
        kode_profesi: 100,
        str: {
          nomor: one.str,
          nomor_baru: null,
          status: one.isRevoked ? 'DICABUT' : 'AKTIF',
          terbit: '2024-02-01',
          sampai: null
        },
        pendidikan: [{ tahun_lulus: 2010, perguruan_tinggi: 'Universitas Rekaan' }],
        waktu_ubah: one.changedAt / 1000
      }
    })
    return {
      body: {
        metaData: { code: 200, waktu: Math.floor(Date.now() / 1000) },
        response: { list: list.length === 0 ? null : list, count: found.length }
      }
    }
  }
}

const nik = 'https://fhir.kemkes.go.id/id/nik'
const structure = 'https://fhir.kemkes.go.id/r4/StructureDefinition'

const fhir: Shape = {
  name: 'fhir-next-link-oauth',
  file: 'contracts/sources/examples/fhir-next-link-oauth.json',
  expires: true,
  secret: { clientId: 'klien', clientSecret: 'bukan-rahasia' },
  other({ url, body, method }, state) {
    if (url.pathname !== '/oauth2/v1/accesstoken') return null
    const form = new URLSearchParams(body)
    const isRight =
      method === 'POST' &&
      url.search === '?grant_type=client_credentials' &&
      form.get('client_id') === 'klien' &&
      form.get('client_secret') === 'bukan-rahasia' &&
      [...form.keys()].length === 2
    if (!isRight) return { status: 401, body: { resourceType: 'OperationOutcome', issue: [] } }
    state.tokensIssued++
    return {
      body: {
        access_token: `token-${state.generation}`,
        token_type: 'BearerToken',
        expires_in: '3599',
        refresh_token_expires_in: '0',
        issued_at: String(Date.now()),
        'developer.email': 'x@example.org'
      }
    }
  },
  isAllowed: ({ headers }, { generation }) => headers.authorization === `Bearer token-${generation}`,
  refuse: () => ({ status: 401, body: { resourceType: 'OperationOutcome', issue: [] } }),
  stop: { body: { resourceType: 'OperationOutcome', issue: [{ severity: 'error' }] } },
  list({ url }, { licences, url: origin }) {
    const query = url.searchParams
    const bounds = query.getAll('_lastUpdated')
    const bound = (prefix: string) => Date.parse(bounds.find(text => text.startsWith(prefix))?.slice(2) ?? '')
    const [since, until] = [bound('ge') || 0, bound('lt') || Number.MAX_SAFE_INTEGER]
    const found = licences.filter(({ changedAt }) => changedAt >= since && changedAt < until)
    // Two licences of one person stand in one record.
    const people = [...Map.groupBy(found, one => one.nik).values()]
    const size = Number(query.get('_count'))
    const from = Number(query.get('_getpagesoffset') ?? 0)
    const page = people.slice(from, from + size)
    const next = new URL(`${origin}/fhir-r4/v1/Practitioner`)
    for (const text of bounds) next.searchParams.append('_lastUpdated', text)
    next.searchParams.set('_count', String(size))
    next.searchParams.set('_getpagesoffset', String(from + size))
    const link = [
      { relation: 'self', url: url.href },
      ...(from + size < people.length ? [{ relation: 'next', url: next.href }] : [])
    ]
    const entry = page.map(mine => ({ fullUrl: `urn:uuid:${mine[0]?.str}`, resource: practitioner(mine) }))
    return {
      body: {
        resourceType: 'Bundle',
        type: 'searchset',
        total: people.length,
        link,
        ...(entry.length > 0 && { entry })
      }
    }
  }
}

function practitioner(mine: Licence[]): object {
  const [first] = mine as [Licence]
  return {
    resourceType: 'Practitioner',
    identifier: [
      { system: 'https://fhir.kemkes.go.id/id/nakes-his-number', value: '10000000001' },
      { system: nik, value: first.nik }
    ],
    name: [{ use: 'official', text: first.name }],
    gender: first.isMale ? 'male' : 'female',
    birthDate: first.born,
    extension: [{ url: `${structure}/birthPlace`, valueAddress: { city: 'Bandung' } }],
    meta: { lastUpdated: new Date(first.changedAt).toISOString().replace('Z', '000+00:00') },
    qualification: [
      { code: { coding: [{ system: 'http://example.org/diploma', code: 'S1' }] } },
      ...mine.map(one => ({
        code: { coding: [{ system: 'https://terminology.kemkes.go.id/v1-0302', code: 'DOKTER' }] },
        identifier: [{ system: 'https://fhir.kemkes.go.id/id/str-kki-number', value: one.str }],
        period: { start: '2024-02-01' },
        extension: [{ url: `${structure}/str-status`, valueCode: one.isRevoked ? 'revoked' : 'active' }]
      }))
    ]
  }
}

const linkHeader: Shape = {
  name: 'link-header-basic',
  file: 'contracts/sources/examples/link-header-basic.json',
  expires: true,
  secret: { username: 'sdmk', password: 'sandi-1' },
  nextSecret: { username: 'sdmk', password: 'sandi-2' },
  other: () => null,
  isAllowed: ({ headers }, { generation }) =>
    headers.authorization === `Basic ${Buffer.from(`sdmk:sandi-${generation}`).toString('base64')}`,
  refuse: () => ({ status: 401, body: { error: 'login' } }),
  stop: { status: 400, body: { error: 'bad order' } },
  list({ url }, { licences, url: origin }) {
    const query = url.searchParams
    const since = Date.parse(query.get('modified_after') ?? '1970-01-01T00:00:00Z')
    const [from, size] = [Number(query.get('start') ?? 0), Number(query.get('limit'))]
    const found = licences.filter(({ changedAt }) => changedAt > since)
    const next = new URL(url.pathname, origin)
    for (const [name, value] of query) next.searchParams.set(name, value)
    next.searchParams.set('start', String(from + size))
    const link = `<${next.href}>; rel="next", <${origin}/registry/workers?start=0>; rel="first"`
    return {
      headers: from + size < found.length ? { link } : { link: `<${origin}/registry/workers?start=0>; rel="first"` },
      body: found.slice(from, from + size).map(one => ({
        national_id: one.nik,
        full_name: one.name,
        birth: { place: 'Bandung', date: one.born },
        sex: one.isMale ? 'M' : 'F',
        province: 'Jawa Barat',
        licence: {
          number: one.str,
          profession: 'DOKTER',
          specialty: null,
          state: one.isRevoked ? 'REVOKED' : 'ACTIVE',
          issued: '2024-02-01',
          expires: null
        },
        modified: new Date(one.changedAt).toISOString().slice(0, 19)
      }))
    }
  }
}

const consId = '1234'
const secretKey = 'bukan-rahasia'

const signed: Shape = {
  name: 'signed-source',
  file: 'docs/integrate/examples/signed-source.json',
  expires: false,
  secret: { consId, secretKey, userKey: 'u' },
  other: () => null,
  isAllowed({ headers }) {
    const timestamp = String(headers['x-timestamp'])
    const signature = createHmac('sha256', secretKey).update(`${consId}&${timestamp}`).digest('base64')
    return headers['x-cons-id'] === consId && headers['x-signature'] === signature && headers.user_key === 'u'
  },
  refuse: () => ({ body: { metaData: { code: '401', message: 'tanda tangan salah' }, response: null } }),
  tryLater: { body: { metaData: { code: '503' }, response: null } },
  stop: { body: { metaData: { code: 400 }, response: null } },
  list({ url, headers }, { licences }) {
    const [, start, limit] = /^\/layanan\/nakes\/(\d+)\/(\d+)$/.exec(url.pathname) ?? []
    const day = (name: string) => url.searchParams.get(name)?.split('-').reverse().join('-')
    const days = [day('dari') ?? '0000', day('sampai') ?? '9999'] as const
    const found = licences.filter(({ changedAt }) => {
      // Compared with the midnight that the day begins with, as a database does.
      const time = jakarta(changedAt)
      return `${days[0]} 00:00:00` <= time && time <= `${days[1]} 00:00:00`
    })
    const from = Number(start) - 1
    const list = found.slice(from, from + Number(limit)).map(one => ({
      noStr: one.str,
      nik: Number(one.nik),
      nama: one.name,
      tglLahir: one.born.split('-').reverse().join('-'),
      sex: one.isMale ? 'L' : 'P',
      statusStr: { kode: one.isRevoked ? '4' : '1' },
      // In Makassar.
      tglUbah: jakarta(one.changedAt + 3_600_000).replace(/^(\d+)-(\d+)-(\d+)/, '$3-$2-$1')
    }))
    if (list.length === 0) return { body: { metaData: { code: 201 }, response: null } }
    const key = createHash('sha256').update(`${consId}${secretKey}${headers['x-timestamp']}`).digest()
    const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16))
    const response =
      cipher.update(JSON.stringify({ list, count: found.length }), 'utf8', 'base64') + cipher.final('base64')
    return { body: { metaData: { code: 200, message: 'OK' }, response } }
  }
}

export const shapes: readonly Shape[] = [pageNumbers, offsets, fhir, linkHeader, signed]
