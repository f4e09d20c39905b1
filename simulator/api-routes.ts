import { promisify } from 'node:util'
import { brotliCompress, deflate, deflateRaw, gzip, zstdCompress } from 'node:zlib'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { SimulatorInputError } from './errors.ts'
import type { codings } from './faults.ts'
import { sendProblem } from './problems.ts'
import type { Reply } from './shape/answer.ts'
import { compilePaging, linkParameter } from './shape/paging.ts'
import { nameOf } from './shape/shape.ts'
import { type Asked, compileText, type ReceivedRequest } from './shape/template.ts'
import type { SimulatorState } from './state.ts'
import { copyHeaders, refuse, routeOf, sendReply, strikeBefore } from './strike.ts'

const compress = promisify(gzip)
const encoders: Record<(typeof codings)[number], (body: Buffer) => Promise<Buffer>> = {
  gzip: promisify<Buffer, Buffer>(gzip),
  deflate: promisify<Buffer, Buffer>(deflate),
  'deflate-raw': promisify<Buffer, Buffer>(deflateRaw),
  br: promisify<Buffer, Buffer>(brotliCompress),
  zstd: promisify<Buffer, Buffer>(zstdCompress)
}

/** The calls of a description that need a token: pages, and the records of one STR. */
export const apiRoutes: FastifyPluginAsync<{ state: SimulatorState }> = async (app, { state }) => {
  const { request: list, oneByStr } = state.shape.description
  const requireToken = async (request: FastifyRequest, reply: FastifyReply) => {
    if (await state.authentication.isAccepted(request)) return
    return refuse(state, request, reply)
  }
  const serve = compileList(state)
  const listPath = compilePath(list.path)
  const isOneRoute =
    oneByStr !== null &&
    (oneByStr.method ?? 'GET') === (list.method ?? 'GET') &&
    compilePath(oneByStr.path).route === listPath.route

  app.route({
    method: list.method ?? 'GET',
    url: listPath.route,
    exposeHeadRoute: false,
    onRequest: [strikeBefore(state, 'list'), requireToken],
    handler: async (request, reply) => {
      const received = receivedOf(request)
      const asked = isOneRoute ? strAskedFor(state, received) : null
      if (asked !== null) return sendRecords(state, request, reply, asked)
      return serve(request, reply, { ...listPath.read(request), ...state.shape.readList(received) })
    }
  })

  if (oneByStr === null || isOneRoute) return
  const recordPath = compilePath(oneByStr.path)
  app.route({
    method: oneByStr.method ?? 'GET',
    url: recordPath.route,
    exposeHeadRoute: false,
    onRequest: [strikeBefore(state, 'record'), requireToken],
    handler: async (request, reply) => {
      const asked = { ...recordPath.read(request), ...state.shape.readRecord(receivedOf(request)) }
      return sendRecords(state, request, reply, asked.strNumber ?? '')
    }
  })
}

/** Returns Fastify's route for a path of a description, and a function that reads the values of a request from it. */
function compilePath(path: string) {
  const readers = new Map<string, ReturnType<typeof compileText>>()
  const segments = path.split('/').map((segment, at) => {
    if (!segment.includes('{')) return decodeURIComponent(segment).replaceAll(':', '::')
    const [, only] = /^\{([A-Za-z]+)\}$/.exec(segment) ?? []
    const name = only ?? `segment${at}`
    readers.set(name, compileText(decodeURIComponent(segment)))
    return `:${name}`
  })
  return {
    route: segments.join('/'),
    read: ({ params }: FastifyRequest): Asked =>
      Object.assign({}, ...Array.from(readers, ([name, read]) => read((params as Record<string, string>)[name] ?? '')))
  }
}

function receivedOf(request: FastifyRequest): ReceivedRequest {
  const { searchParams: query } = new URL(request.url, 'http://simulator')
  return { query, headers: request.headers, body: request.body }
}

/** If both calls have one path, a request for one STR is recognised by the parts that only it has. */
function strAskedFor(state: SimulatorState, received: ReceivedRequest): string | null {
  try {
    return state.shape.readRecord(received).strNumber ?? null
  } catch (error) {
    if (error instanceof SimulatorInputError) return null
    throw error
  }
}

function sendRecords(state: SimulatorState, request: FastifyRequest, reply: FastifyReply, strNumber: string) {
  const rows = state.feed.ofStr(strNumber)
  state.stats.rowsServed += rows.length
  const answer = state.shape.answers.records(rows, state.clock.now() + request.clockAheadMs)
  return answer === null ? sendProblem(reply, 404, 'No record carries this STR.') : sendReply(reply, answer)
}

/** Returns the handler of requests for a page. */
function compileList(state: SimulatorState) {
  const { feed, cursors, faults, stats, shape, clock } = state
  const { request: template, authentication } = shape.description
  const cut = compilePaging(shape.description.paging, feed, cursors, placeholder => nameOf(template, placeholder))
  const credential = 'in' in authentication && authentication.in === 'query' ? authentication.name : null

  return async (request: FastifyRequest, reply: FastifyReply, asked: Asked) => {
    const now = clock.now() + request.clockAheadMs
    const { searchParams } = new URL(request.url, 'http://simulator')
    const filters = shape.filtersOf(asked)
    const isFirst = (asked.cursor ?? asked.page ?? asked.offset ?? searchParams.get(linkParameter)) == null
    const page = {
      asked,
      filters,
      signed: JSON.stringify([asked.profession, asked.since, asked.until]),
      limit: shape.pageSizeOf(asked),
      link: searchParams.get(linkParameter),
      addressOf: (place: string) => {
        const next = new URL(request.url, `${request.protocol}://${request.host}`)
        next.searchParams.delete(linkParameter)
        // A URL must not contain a secret, because others log URLs.
        if (credential !== null) next.searchParams.delete(credential)
        if (place !== '') next.searchParams.set(linkParameter, place)
        return next.href
      }
    }
    const gone = faults.strike('delete-record', 'list')
    if (gone !== null) feed.overlay.delete(gone.id)
    const error = faults.strike('error-page', 'list')
    const { rows, facts, links } = cut(page, {
      isEmpty: error === null && faults.strike('empty-page', 'list') !== null,
      isRepeated: !isFirst && faults.strike('repeated-cursor', 'list') !== null,
      salt: faults.pagesServed + 1
    })
    faults.pagesServed++
    if (error !== null) return sendPage(state, request, reply, shape.answers.page([], null, now, error.members))
    stats.rowsServed += rows.length
    if (links !== null) reply.header('link', links)
    return sendPage(state, request, reply, shape.answers.page(rows, facts, now))
  }
}

async function sendPage(
  state: SimulatorState,
  request: FastifyRequest,
  reply: FastifyReply,
  { status, body: page }: Reply
) {
  const { faults, stats } = state
  const isBroken = faults.strike('broken-json', 'list') !== null
  const text = isBroken ? page.slice(0, Math.floor(page.length * 0.8)) : page
  const coding = faults.strike('coding', 'list')
  const zipped = coding === null && state.gzip && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  if (zipped) reply.header('content-encoding', 'gzip').header('vary', 'accept-encoding')
  // Level 1 compresses a page of a thousand rows in milliseconds.
  let body: Buffer = zipped ? await compress(text, { level: 1 }) : Buffer.from(text)
  if (coding !== null) reply.header('content-encoding', coding.declared)
  for (const name of coding?.applied ?? []) body = await encoders[name](body)
  reply.code(status).type('application/json')
  const cut = faults.strike('cut-body', 'list')
  if (cut === null) return reply.send(body)
  stats.count(routeOf(request), 'cut')
  reply.hijack()
  copyHeaders(reply)
  reply.raw.setHeader('content-length', body.length)
  reply.raw.write(body.subarray(0, cut.afterBytes ?? body.length >> 1), () => reply.raw.destroy())
  return reply
}
