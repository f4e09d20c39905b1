import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { KkiBodyTooLarge } from '../../sidecar/source/errors.ts'
import { callContext, clientFor } from './helpers/client.ts'
import { pageOf, sendJson, startKki } from './helpers/fake-kki.ts'

test('sends the query in the contract’s words, and the caller’s ids', async t => {
  const kki = await startKki(t)
  const { client } = clientFor(t, kki)
  const query = {
    profession: 'dokter',
    changedSince: '2026-01-01T00:00:00.000Z',
    changedUntil: '2026-01-02T00:00:00.000Z',
    cursor: 'a b+c',
    limit: 500
  }

  await client.fetchPage(query, callContext())

  const [request] = kki.list
  assert.equal(request?.url.pathname, '/v1/tenaga-kesehatan')
  assert.deepEqual(Object.fromEntries(request?.url.searchParams ?? []), {
    profesi: 'dokter',
    diubah_sejak: '2026-01-01T00:00:00.000Z',
    diubah_sampai: '2026-01-02T00:00:00.000Z',
    kursor: 'a b+c',
    batas: '500'
  })
  assert.equal(request?.headers['x-request-id'], 'req-1')
  assert.match(request?.headers.traceparent as string, /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/)
  assert.equal(request?.headers['accept-encoding'], 'gzip')
  assert.equal(request?.headers['user-agent'], 'healthforce-kki-connector')
})

test('leaves out parameters that the query does not have', async t => {
  const kki = await startKki(t)
  const { client } = clientFor(t, kki)

  await client.fetchPage({ limit: 1 }, callContext())

  assert.equal(kki.list[0]?.url.search, '?batas=1')
})

test('keeps the path of the base URL', async t => {
  const kki = await startKki(t)
  const { client, store } = clientFor(t, kki, { baseUrl: `${kki.url}/registry/` })
  store.content.set('kki-token', { accessToken: 'kept', expiresAt: '2999-01-01T00:00:00.000Z' })
  kki.validToken = 'kept'

  await client.fetchPage({ limit: 1 }, callContext())

  assert.equal(kki.list[0]?.url.pathname, '/registry/v1/tenaga-kesehatan')
})

test('returns the rows verbatim, the whole body and the time of KKI', async t => {
  const kki = await startKki(t)
  const date = new Date(Date.now() - 60_000).toUTCString()
  const text = '\uFEFF{"data": [{"nik": 1}, null, "x"], "meta": {"kursor_berikutnya": null}}'
  kki.answerList = (_request, response) => {
    response.setHeader('date', date)
    response.end(text)
  }
  const { client } = clientFor(t, kki)

  const page = await client.fetchPage({ limit: 3 }, callContext())

  assert.deepEqual([...page.rows], [{ nik: 1 }, null, 'x'])
  assert.deepEqual([page.nextCursor, page.total], [null, null])
  assert.equal(page.sourceNow, Date.parse(date))
  assert.equal(page.body.toString(), text)
})

test('a page in reused memory is complete', async t => {
  const kki = await startKki(t)
  kki.answerList = ({ number }, response) =>
    sendJson(response, 200, pageOf([`row ${number}`, 'x'.repeat(number * 1000)]))
  const { client } = clientFor(t, kki)
  const ask = () => client.fetchPage({ limit: 2 }, callContext())

  const [first, second] = [await ask(), await ask()]
  first.release()
  first.release()
  const [third, fourth] = [await ask(), await ask()]

  assert.deepEqual(first.rows, ['row 1', 'x'.repeat(1000)])
  assert.deepEqual([...second.rows], ['row 2', 'x'.repeat(2000)])
  assert.deepEqual([...third.rows], ['row 3', 'x'.repeat(3000)])
  assert.deepEqual([...fourth.rows], ['row 4', 'x'.repeat(4000)])
})

for (const seconds of [-1000, 1000]) {
  test(`rejects a page whose Date is ${seconds} seconds from our clock, without a retry`, async t => {
    const kki = await startKki(t)
    const date = new Date(Date.now() + seconds * 1000).toUTCString()
    kki.answerList = (_request, response) => sendJson(response, 200, pageOf([]), { date })
    const { client } = clientFor(t, kki)

    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), { code: 'KKI_CLOCK', retryable: false })
    assert.equal(kki.list.length, 1)
    assert.equal(client.breakerState, 0)
  })
}

for (const total of [
  -1,
  0.5,
  2_147_483_648,
  3171015507900007,
  '-1',
  '1e3',
  '',
  '99999999999',
  '4294967296',
  true,
  {}
]) {
  test(`rejects the total ${JSON.stringify(total)} as a contract violation`, async t => {
    const kki = await startKki(t)
    kki.answerList = (_request, response) => sendJson(response, 200, pageOf([], null, total))
    const { client } = clientFor(t, kki, { retries: 0 })

    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
      code: 'KKI_CONTRACT',
      message: /breaks the contract at \/meta\/total/
    })
  })
}

for (const [total, expected] of [
  [undefined, null],
  [null, null],
  [2, 2],
  ['17', 17],
  ['2147483647', 2_147_483_647],
  // Fewer than are on this page.
  [1, null],
  ['0', null]
] as const) {
  test(`reads the total ${JSON.stringify(total)} of a page with two rows as ${expected}`, async t => {
    const kki = await startKki(t)
    kki.answerList = (_request, response) => sendJson(response, 200, pageOf(['a', 'b'], null, total))
    const { client } = clientFor(t, kki)

    assert.equal((await client.fetchPage({ limit: 2 }, callContext())).total, expected)
  })
}

for (const [description, cursor] of [
  ['is empty', ''],
  ['has more than 2,000 characters', 'x'.repeat(2001)],
  ['holds a control character', 'a\u0000b'],
  ['holds a line break', 'a\nb'],
  ['holds half a character', 'a\ud800b']
] as const) {
  test(`rejects a next cursor that ${description} as a contract violation`, async t => {
    const kki = await startKki(t)
    kki.answerList = (_request, response) => sendJson(response, 200, pageOf([], cursor))
    const { client } = clientFor(t, kki, { retries: 0 })

    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
      code: 'KKI_CONTRACT',
      message: /breaks the contract at \/meta\/kursor_berikutnya/
    })
  })
}

test('reads a gzip body', async t => {
  const kki = await startKki(t)
  const text = JSON.stringify(pageOf(['a', 'b']))
  kki.answerList = (_request, response) => void response.setHeader('content-encoding', 'gzip').end(gzipSync(text))
  const { client } = clientFor(t, kki)

  const page = await client.fetchPage({ limit: 2 }, callContext())

  assert.deepEqual([...page.rows], ['a', 'b'])
  assert.equal(page.body.toString(), text)
})

test('retries a gzip body that is cut or corrupt', async t => {
  const kki = await startKki(t)
  const whole = gzipSync(JSON.stringify(pageOf(['whole'])))
  const bodies = [whole.subarray(0, 20), Buffer.from('no gzip at all'), whole]
  kki.answerList = ({ number }, response) => void response.setHeader('content-encoding', 'gzip').end(bodies[number - 1])
  const { client, seen } = clientFor(t, kki)

  const page = await client.fetchPage({ limit: 2 }, callContext())

  assert.deepEqual([...page.rows], ['whole'])
  assert.equal(seen.retries, 2)
})

test('stops reading a gzip bomb at the limit, without a retry', async t => {
  const kki = await startKki(t)
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20))
  kki.answerList = (_request, response) => void response.setHeader('content-encoding', 'gzip').end(bomb)
  const { client } = clientFor(t, kki, { maxBodyBytes: 100_000 })

  await assert.rejects(client.fetchPage({ limit: 2 }, { ...callContext(), page: 3 }), error => {
    assert.ok(error instanceof KkiBodyTooLarge)
    assert.deepEqual([error.code, error.page, error.retryable], ['KKI_BODY_TOO_LARGE', 3, false])
    assert.match(error.message, /100000 bytes.*page 3/)
    return true
  })
  assert.equal(kki.list.length, 1)
})

test('accepts a body of exactly the limit and rejects one byte more', async t => {
  const kki = await startKki(t)
  const text = JSON.stringify(pageOf(['x']))
  kki.answerList = (_request, response) => void response.end(text)
  const { client: fitting } = clientFor(t, kki, { maxBodyBytes: text.length })
  const { client: tight } = clientFor(t, kki, { maxBodyBytes: text.length - 1 })

  assert.equal((await fitting.fetchPage({ limit: 1 }, callContext())).body.length, text.length)
  await assert.rejects(tight.fetchPage({ limit: 1 }, callContext()), { code: 'KKI_BODY_TOO_LARGE' })
})

test('treats missing headers as a timeout', async t => {
  const kki = await startKki(t)
  kki.answerList = () => {}
  const { client, seen } = clientFor(t, kki, { headersTimeoutMs: 30, retries: 0 })

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'KKI_UNAVAILABLE',
    message: /did not answer in time \(UND_ERR_HEADERS_TIMEOUT\) after 1 attempt$/
  })
  assert.deepEqual(seen.statuses, ['timeout'])
})

test('treats a stalled body as a timeout', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => void response.writeHead(200).write('{"data":[')
  const { client, seen } = clientFor(t, kki, { bodyTimeoutMs: 30, retries: 0 })

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'KKI_UNAVAILABLE',
    message: /did not answer in time \(UND_ERR_BODY_TIMEOUT\) after 1 attempt$/
  })
  assert.deepEqual(seen.statuses, ['timeout'])
})

test('limits an attempt as a whole, so that a slow body has an end', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => {
    const drip = setInterval(() => response.write(' '), 5)
    response.on('close', () => clearInterval(drip))
  }
  const { client } = clientFor(t, kki, { pageTimeoutMs: 60, bodyTimeoutMs: 1_000, retries: 1 })

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'KKI_UNAVAILABLE',
    message: /did not answer in time \(TIMEOUT\) after 2 attempts/
  })
  assert.equal(kki.list.length, 2)
})

test('uses the status if the body of an error answer stalls', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => void response.writeHead(403).write('{')
  const { client } = clientFor(t, kki, { bodyTimeoutMs: 30 })

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), { code: 'KKI_DENIED', status: 403 })
})

const codings: [header: string, encode: (text: string) => Buffer][] = [
  ['', text => Buffer.from(text)],
  ['identity', text => Buffer.from(text)],
  [' , Identity,', text => Buffer.from(text)],
  ['utf-8', text => Buffer.from(text)],
  ['none', text => Buffer.from(text)],
  ['GZip', gzipSync],
  ['x-gzip', gzipSync],
  ['deflate', deflateSync],
  ['Deflate', deflateRawSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
  ['gzip, br', text => brotliCompressSync(gzipSync(text))],
  ['identity, deflate, , gzip', text => gzipSync(deflateRawSync(text))],
  ['br,deflate', text => deflateSync(brotliCompressSync(text))],
  ['utf-8, gzip', gzipSync]
]

for (const [header, encode] of codings) {
  test(`reads a page whose Content-Encoding is "${header}"`, async t => {
    const kki = await startKki(t)
    // Longer than one chunk of any decoder, and hard to compress.
    const text = JSON.stringify(pageOf([randomBytes(200_000).toString('base64'), 'b']))
    kki.answerList = (_request, response) => void response.setHeader('content-encoding', header).end(encode(text))
    const { client } = clientFor(t, kki, { retries: 0 })

    assert.equal((await client.fetchPage({ limit: 2 }, callContext())).body.toString(), text)
  })
}

test('reads a page whose Content-Encoding header comes several times', async t => {
  const kki = await startKki(t)
  const text = JSON.stringify(pageOf(['a']))
  kki.answerList = (_request, response) =>
    void response.setHeader('content-encoding', ['gzip', 'br']).end(brotliCompressSync(gzipSync(text)))
  const { client } = clientFor(t, kki, { retries: 0 })

  assert.equal((await client.fetchPage({ limit: 2 }, callContext())).body.toString(), text)
})

for (const coding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, br', 'utf-8, zstd']) {
  test(`reports a body that is not ${coding} as a mismatch with its declared coding`, async t => {
    const kki = await startKki(t)
    kki.answerList = (_request, response) => sendJson(response, 200, pageOf([]), { 'content-encoding': coding })
    const { client } = clientFor(t, kki, { retries: 0 })

    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
      code: 'KKI_CONTRACT',
      message: /sent a body that does not match its Content-Encoding/
    })
  })
}

test('reports an unknown coding of a body that is not JSON', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) =>
    void response.setHeader('content-encoding', 'compress').end(gzipSync(JSON.stringify(pageOf([]))))
  const { client } = clientFor(t, kki, { retries: 0 })

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'KKI_CONTRACT',
    message: /not UTF-8, with an unknown Content-Encoding/
  })
})

const spaces = Buffer.alloc(64 * 1024 * 1024, 0x20)
// Stored blocks without data: deflate data of any length that decodes to nothing.
const endlessDeflate = Buffer.alloc(50_000_000, Buffer.from([0, 0, 0, 0xff, 0xff]))
for (const [coding, body] of [
  ['deflate', deflateSync(spaces)],
  ['deflate', deflateRawSync(spaces)],
  ['br', brotliCompressSync(spaces, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
  ['zstd', zstdCompressSync(spaces)],
  ['gzip, gzip', gzipSync(gzipSync(spaces))],
  ['deflate, gzip', gzipSync(endlessDeflate)]
] as const) {
  test(`stops reading a bomb of ${body.length} bytes in ${coding} at the limit`, async t => {
    const kki = await startKki(t)
    kki.answerList = (_request, response) => void response.setHeader('content-encoding', coding).end(body)
    const { client } = clientFor(t, kki, { maxBodyBytes: 100_000 })

    await assert.rejects(client.fetchPage({ limit: 2 }, callContext()), { code: 'KKI_BODY_TOO_LARGE' })
    assert.equal(kki.list.length, 1)
  })
}

test('rejects a body with more layers of compression than any server needs', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => sendJson(response, 200, pageOf([]), { 'content-encoding': 'br, br, br, br' })
  const { client } = clientFor(t, kki, { retries: 0 })

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'KKI_CONTRACT',
    message: /more than 3 content codings/
  })
})

for (const members of [
  { error: 'upstream timeout of Budi' },
  { error: { code: 504 } },
  { error: true },
  { errors: ['Budi'] },
  { error: null, errors: { nama: 'Budi' } }
]) {
  test(`does not treat a page with ${JSON.stringify(members)} as the last page or as "no such STR"`, async t => {
    const kki = await startKki(t)
    kki.answerList = ({ url }, response) =>
      sendJson(response, 200, { ...pageOf(url.search === '?batas=2' ? ['a'] : []), ...members })
    const { client } = clientFor(t, kki, { retries: 0 })
    const error = { code: 'KKI_CONTRACT', message: /^KKI at \S+ sent a page that reports an error at \/errors? after/ }

    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), error)
    await assert.rejects(client.fetchPage({ limit: 2 }, callContext()), error)
    await assert.rejects(client.fetchByStr('EQ00001234567890', callContext()), error)
  })
}

test('reads a page whose error members report no error', async t => {
  const kki = await startKki(t)
  const client = clientFor(t, kki, { retries: 0 }).client
  for (const members of [{ error: null }, { error: false }, { error: '' }, { errors: [] }, { errors: {} }]) {
    kki.answerList = (_request, response) => sendJson(response, 200, { ...pageOf([]), ...members })
    assert.equal((await client.fetchPage({ limit: 1 }, callContext())).rows.length, 0)
  }
})

const latin1 = (value: unknown) => Buffer.from(JSON.stringify(value), 'latin1')
const json = 'application/json'

for (const [what, contentType, body] of [
  ['Latin-1 without a word about it', json, latin1(pageOf([{ nama: 'José' }]))],
  ['Latin-1 that is said to be UTF-8', `${json}; charset=UTF-8`, latin1(pageOf([{ nama: 'José' }]))],
  ['UTF-8 that is cut within a letter', json, Buffer.concat([latin1(pageOf(['a'])), Buffer.from([0xc3])])],
  ['half of a surrogate pair as bytes', json, Buffer.from('{"data":["\xed\xa0\x80"],"meta":{}}', 'latin1')],
  ['a cursor that is not UTF-8', json, latin1(pageOf([], 'é'))],
  ['a charset that is not known', `${json}; charset=x-own`, latin1(pageOf([]))],
  ['a byte that the charset does not have', `${json}; charset=euc-kr`, latin1(pageOf([{ nama: 'Jos\xff' }]))]
] as const) {
  test(`rejects a page of ${what} as a contract violation, and quotes nothing of it`, async t => {
    const kki = await startKki(t)
    kki.answerList = (_request, response) => void response.setHeader('content-type', contentType).end(body)
    const { client } = clientFor(t, kki, { retries: 0 })

    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), (error: Error & { code: string }) => {
      assert.equal(error.code, 'KKI_CONTRACT')
      assert.match(error.message, /UTF-8|charset/)
      assert.doesNotMatch(error.message, /Jos|x-own/)
      return true
    })
  })
}

test('reads a page in the charset that its Content-Type names', async t => {
  const kki = await startKki(t)
  const page = pageOf([{ nama: 'José Nur’aini' }], 'é')
  const text = JSON.stringify(page)
  const windows1252 = Buffer.from(text.replaceAll('’', '\x92'), 'latin1')
  const answers = [
    [`${json}; charset=windows-1252`, windows1252],
    [`${json};charset="ISO-8859-1"`, windows1252],
    [`${json}; charset=utf-16le`, Buffer.from(text, 'utf16le')],
    [`${json}; charset=utf-16`, Buffer.from(`\ufeff${text}`, 'utf16le')],
    [`${json}; charset=utf-8`, Buffer.from(`\ufeff${text}`)],
    // What servers name by default, and JSON does not heed.
    [`${json}; charset=iso-8859-1`, Buffer.from(text)],
    ['not a media type', Buffer.from(text)]
  ] as const
  kki.answerList = ({ number }, response) => {
    const [contentType, body] = answers[number - 1] as (typeof answers)[number]
    response.setHeader('content-type', contentType).end(body)
  }
  const { client } = clientFor(t, kki, { retries: 0 })
  for (const [contentType] of answers) {
    const read = await client.fetchPage({ limit: 1 }, callContext())
    assert.deepEqual([[...read.rows], read.nextCursor], [[{ nama: 'José Nur’aini' }], 'é'], contentType)
    assert.deepEqual(JSON.parse(read.body.toString().replace('\ufeff', '')), page)
    read.release()
  }
})
