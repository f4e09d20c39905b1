import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts'

/**
 * Each example description is read here by hand, as a page of documentation of that API would say it, and not by the
 * connector's client: both must agree with the simulator.
 */
const examples = fileURLToPath(new URL('../../contracts/sources/examples/', import.meta.url))

async function startLike(t: TestContext, name: string, options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = await startSimulator({ rows: 1000, brokenShare: 0, like: `${examples}${name}.json`, ...options })
  t.after(() => simulator.close())
  return simulator
}

// biome-ignore lint/suspicious/noExplicitAny: answers of five APIs, each read as its documentation says
type Loose = any

interface Api {
  name: string
  /** Reads every row, all of the window or those changed since an instant, page by page. */
  readAll(simulator: Simulator, since?: number): Promise<Loose[]>
  /** STR numbers in a row, as they are written. */
  strsOf(row: Loose): string[]
  /** Asks for the first page without, or with a wrong, credential. */
  askWithout(simulator: Simulator): Promise<Response>
  isRefusal(response: Response, body: Loose): boolean
}

const json = async (response: Response): Promise<Loose> => response.json()

async function ok(response: Response): Promise<Loose> {
  assert.equal(response.status, 200, `${response.status} ${response.status === 200 ? '' : await response.text()}`)
  return json(response)
}

const jakarta = (ms: number) => new Date(ms + 7 * 3_600_000).toISOString()

const pageNumbers: Api = {
  name: 'page-number-api-key',
  async readAll({ url, secret }, since) {
    const rows: Loose[] = []
    for (let page = 1, last = 1; page <= last; page++) {
      const query = new URLSearchParams({ page: String(page), per_page: '150', sort: 'updated_at' })
      if (since !== undefined) query.set('updated_from', jakarta(since).slice(0, 10))
      const headers = { 'x-api-key': secret.apiKey ?? '', accept: 'application/json' }
      const body = await ok(await fetch(`${url}/api/str?${query}`, { headers }))
      assert.ok(body.data.length <= 150)
      rows.push(...body.data)
      last = body.last_page
    }
    return rows
  },
  strsOf: row => [row.no_str],
  askWithout: ({ url }) =>
    fetch(`${url}/api/str?page=1&per_page=10&sort=updated_at`, {
      headers: { 'x-api-key': 'wrong', accept: 'application/json' }
    }),
  isRefusal: response => response.status === 401
}

const login = async ({ url, secret }: Simulator) => {
  const body = JSON.stringify({ username: secret.username, password: secret.password })
  const answer = await fetch(`${url}/rest/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body
  })
  return (await ok(answer)).response.token as string
}
const daftar = (url: string, token: string, body: object) =>
  fetch(`${url}/rest/nakes/daftar`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-token': token },
    body: JSON.stringify({ urut: 'waktu_ubah', waktu_ubah: {}, ...body })
  })

const offsets: Api = {
  name: 'offset-session-login',
  async readAll(simulator, since) {
    const token = await login(simulator)
    const rows: Loose[] = []
    for (;;) {
      const dari = since === undefined ? undefined : String(Math.floor(since / 1000))
      const asked = { mulai: rows.length, jumlah: 70, waktu_ubah: { dari } }
      const body = await ok(await daftar(simulator.url, token, asked))
      if (String(body.metaData.code) === '201') return rows
      assert.equal(body.metaData.code, 200)
      assert.ok(Math.abs(body.metaData.waktu - simulator.now() / 1000) < 5)
      rows.push(...body.response.list)
    }
  },
  strsOf: ({ str }) => [str.nomor_baru ?? str.nomor],
  askWithout: ({ url }) => daftar(url, 'wrong', { mulai: 0, jumlah: 10 }),
  isRefusal: (response, body) => response.status === 200 && body.metaData.code === 401
}

const ministryToken = async ({ url, secret }: Simulator) => {
  const answer = await fetch(`${url}/oauth2/v1/accesstoken?grant_type=client_credentials`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: secret.clientId ?? '', client_secret: secret.clientSecret ?? '' })
  })
  const body = await ok(answer)
  assert.equal(body.refresh_token, undefined)
  return body.access_token as string
}
const practitioners = '/fhir-r4/v1/Practitioner?_count=80&_sort=_lastUpdated'
const fhirHeaders = (token: string) => ({ accept: 'application/fhir+json', authorization: `Bearer ${token}` })

const fhir: Api = {
  name: 'fhir-next-link-oauth',
  async readAll(simulator, since) {
    const headers = fhirHeaders(await ministryToken(simulator))
    const rows: Loose[] = []
    const window =
      since === undefined ? '' : `&_lastUpdated=${encodeURIComponent(`ge${new Date(since).toISOString()}`)}`
    let next: string | undefined = simulator.url + practitioners + window
    while (next !== undefined) {
      const body: Loose = await ok(await fetch(next, { headers }))
      assert.equal(body.resourceType, 'Bundle')
      rows.push(...(body.entry ?? []))
      next = body.link?.find(({ relation }: Loose) => relation === 'next')?.url
    }
    return rows
  },
  strsOf: ({ resource }) =>
    resource.qualification
      .filter(({ code }: Loose) => code.coding[0].system === 'https://terminology.kemkes.go.id/v1-0302')
      .map(
        ({ identifier }: Loose) =>
          identifier.find(({ system }: Loose) => /\/id\/str(-kki-number)?$/.test(system))?.value as string
      ),
  askWithout: ({ url }) => fetch(url + practitioners, { headers: fhirHeaders('wrong') }),
  isRefusal: response => response.status === 401
}

const basic = (name = '', password = '') => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
})

const links: Api = {
  name: 'link-header-basic',
  async readAll({ url, secret }, since) {
    const headers = basic(secret.username, secret.password)
    const rows: Loose[] = []
    const after = since === undefined ? {} : { modified_after: `${jakarta(since).slice(0, 19)}+07:00` }
    let next: string | undefined =
      `${url}/registry/workers?${new URLSearchParams({ limit: '90', order: 'modified', ...after })}`
    while (next !== undefined) {
      const answer: Response = await fetch(next, { headers })
      if (answer.status === 404) return rows
      rows.push(...(await ok(answer)))
      next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
    }
    return rows
  },
  strsOf: ({ licence }) => [licence.number],
  askWithout: ({ url }) => fetch(`${url}/registry/workers?limit=5&order=modified`, { headers: basic('sdmk', 'wrong') }),
  isRefusal: response => response.status === 401 && /^Basic/.test(response.headers.get('www-authenticate') ?? '')
}

const apis = [pageNumbers, offsets, fhir, links]
const canonical = (str: string) =>
  str
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '')
    .replace(/^STR/, '')
const strsOf = (api: Api, rows: Loose[]) =>
  rows
    .flatMap(row => api.strsOf(row))
    .map(canonical)
    .sort()

/** The STR numbers that the shipped shape lists, which is tested apart. */
async function listedStrs(t: TestContext, since?: (simulator: Simulator) => number): Promise<string[]> {
  const simulator = await startSimulator({ rows: 1000, brokenShare: 0 })
  t.after(() => simulator.close())
  const start = since?.(simulator)
  const token = await ok(
    await fetch(`${simulator.url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'sdmk',
        client_secret: 'simulator-secret'
      })
    })
  )
  const query = new URLSearchParams({ batas: '1000' })
  if (start !== undefined) query.set('diubah_sejak', new Date(start).toISOString())
  const headers = { authorization: `Bearer ${token.access_token}` }
  const { data } = await ok(await fetch(`${simulator.url}/v1/tenaga-kesehatan?${query}`, { headers }))
  return data.map(({ nomor_str }: Loose) => canonical(nomor_str)).sort()
}

/** Lets a day pass and returns its first instant, at the start of a second, so that coarser windows begin there too. */
function passDay(simulator: Simulator): number {
  simulator.advanceClock(2)
  const start = simulator.now()
  simulator.newDay(0.2)
  return start
}

test('every example description has a reader in this file', () => {
  const described = readdirSync(examples).filter(name => name.endsWith('.json') && name !== 'signed-module.json')
  assert.deepEqual(apis.map(({ name }) => `${name}.json`).sort(), described.sort())
})

for (const api of apis) {
  test(`${api.name}: its documented reader gets every registration once`, async t => {
    const simulator = await startLike(t, api.name)
    assert.deepEqual(strsOf(api, await api.readAll(simulator)), await listedStrs(t))
  })

  test(`${api.name}: a window has the registrations that changed in it, and at most a day more`, async t => {
    const simulator = await startLike(t, api.name)
    const seen = strsOf(api, await api.readAll(simulator, passDay(simulator)))
    assert.deepEqual(seen, await listedStrs(t, passDay))
    assert.equal(seen.length, 200)
  })

  test(`${api.name}: an empty window is reported as described`, async t => {
    const simulator = await startLike(t, api.name)
    simulator.newDay(0)
    assert.deepEqual(await api.readAll(simulator, simulator.now() - 3_600_000), [])
  })

  test(`${api.name}: a wrong credential is denied as described`, async t => {
    const simulator = await startLike(t, api.name)
    const response = await api.askWithout(simulator)
    const body = response.headers.get('content-type')?.includes('json') ? await json(response) : null
    assert.ok(api.isRefusal(response, body), `${response.status} ${JSON.stringify(body)}`)
  })
}

test('a session ends with its lifetime, and on request', async t => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const simulator = await startLike(t, offsets.name)
  const codeOf = async (token: string) =>
    (await json(await daftar(simulator.url, token, { mulai: 0, jumlah: 1 }))).metaData.code
  const first = await login(simulator)
  t.mock.timers.tick(1_799_000)
  assert.equal(await codeOf(first), 200)
  t.mock.timers.tick(2_000)
  assert.equal(await codeOf(first), 401)
  const second = await login(simulator)
  simulator.addFault({ kind: 'expire-tokens' })
  assert.equal(await codeOf(second), 401)
  assert.equal(await codeOf(await login(simulator)), 200)
})

test('faults have the status and the code of the description', async t => {
  const simulator = await startLike(t, offsets.name)
  const token = await login(simulator)
  for (const [means, code] of [
    ['tryLater', 429],
    ['stop', 500],
    ['noRows', 201],
    ['tokenDenied', 401]
  ] as const) {
    simulator.addFault({ kind: 'described', means })
    const response = await daftar(simulator.url, token, { mulai: 0, jumlah: 1 })
    assert.deepEqual([response.status, (await json(response)).metaData.code], [200, code])
  }
  const bundles = await startLike(t, fhir.name)
  bundles.addFault({ kind: 'described', means: 'stop' })
  const headers = fhirHeaders(await ministryToken(bundles))
  assert.notEqual((await ok(await fetch(bundles.url + practitioners, { headers }))).resourceType, 'Bundle')
  assert.throws(() => bundles.addFault({ kind: 'described', means: 'tryLater' }), { field: 'means' })
})

test('one record is found by its STR, as described', async t => {
  const posted = await startLike(t, offsets.name)
  const [row] = await offsets.readAll(posted)
  const [str] = offsets.strsOf(row)
  const ask = async (no_str: string | undefined) =>
    ok(
      await fetch(`${posted.url}/rest/nakes/str`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-token': await login(posted) },
        body: JSON.stringify({ no_str })
      })
    )
  assert.deepEqual((await ask(str)).response.list, [row])
  assert.equal((await ask('EQ00000000000000')).metaData.code, 201)

  const numbered = await startLike(t, pageNumbers.name)
  const [other] = await pageNumbers.readAll(numbered)
  const headers = { 'x-api-key': numbered.secret.apiKey ?? '' }
  const get = (no: string) => fetch(`${numbered.url}/api/str/${encodeURIComponent(no)}`, { headers })
  assert.deepEqual((await ok(await get(other.no_str))).data, other)
  assert.equal((await get('EQ00000000000000')).status, 404)
})

test('a request that differs from the description is denied, and the parameter is named', async t => {
  const simulator = await startLike(t, pageNumbers.name)
  const headers = { 'x-api-key': simulator.secret.apiKey ?? '', accept: 'application/json' }
  const refused = {
    'page=1&per_page=10': 'sort',
    'page=1&per_page=10&sort=name': 'sort',
    'page=0&per_page=10&sort=updated_at': 'page',
    'page=1&per_page=0&sort=updated_at': 'per_page',
    'page=1&per_page=5000&sort=updated_at': 'per_page',
    'page=1&per_page=10&sort=updated_at&updated_from=2026-02-30': 'updated_from',
    'page=1&per_page=10&sort=updated_at&updated_to=2026-02-03T00:00:00Z': 'updated_to'
  }
  for (const [query, name] of Object.entries(refused)) {
    const response = await fetch(`${simulator.url}/api/str?${query}`, { headers })
    assert.equal(response.status, 400, query)
    assert.match((await json(response)).detail, new RegExp(`^${name} `))
  }
  const bare = await fetch(`${simulator.url}/api/str?page=1&per_page=10&sort=updated_at`, {
    headers: { ...headers, accept: 'text/html' }
  })
  assert.match((await json(bare)).detail, /^accept must be application\/json/)
  const texts = await startLike(t, offsets.name)
  const asText = await daftar(texts.url, await login(texts), { mulai: '0', jumlah: 10 })
  assert.match((await json(asText)).detail, /^mulai must be a number/)
})

test('people and dates use the words and places of the description', async t => {
  const simulator = await startLike(t, pageNumbers.name)
  for (const row of await pageNumbers.readAll(simulator)) {
    assert.match(row.tgl_lahir, /^\d\d-\d\d-\d{4}$/)
    assert.match(row.updated_at, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    assert.ok([0, 1, 2, 3, 9].includes(row.status), JSON.stringify(row.status))
    assert.ok([1, 2, null].includes(row.id_jenis_kelamin))
    assert.match(row.tahun_lulus, /^\d{4}$/)
    assert.equal(typeof row.profesi.nama, 'string')
  }
})

test('one record of a person with two registrations has both', async t => {
  const simulator = await startLike(t, fhir.name)
  const rows = await fhir.readAll(simulator)
  const counts = rows.map(row => fhir.strsOf(row).length)
  assert.deepEqual([...new Set(counts)].sort(), [1, 2])
  const later = rows.filter((_, at) => counts[at] === 2)
  const pairs = await startSimulator({ rows: 1000, brokenShare: 0 })
  t.after(() => pairs.close())
  const kinds = Array.from({ length: 1000 }, (_, index) => pairs.kindOf(index))
  const expected = kinds.filter(kind => /^second-registration/.test(kind)).length
  assert.equal(later.length, expected + kinds.filter(kind => kind === 'shared-str').length / 2)
})
