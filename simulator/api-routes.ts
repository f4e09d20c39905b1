import { promisify } from 'node:util'
import { brotliCompress, deflate, deflateRaw, gzip, zstdCompress } from 'node:zlib'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { codings } from './faults.ts'
import type { Filters } from './feed.ts'
import { sendProblem } from './problems.ts'
import type { SimulatorState } from './state.ts'
import { copyHeaders, routeOf, strikeBefore } from './strike.ts'

const compress = promisify(gzip)
const encoders: Record<(typeof codings)[number], (body: Buffer) => Promise<Buffer>> = {
  gzip: promisify<Buffer, Buffer>(gzip),
  deflate: promisify<Buffer, Buffer>(deflate),
  'deflate-raw': promisify<Buffer, Buffer>(deflateRaw),
  br: promisify<Buffer, Buffer>(brotliCompress),
  zstd: promisify<Buffer, Buffer>(zstdCompress)
}

const ListQuery = Type.Object({
  profesi: Type.Optional(Type.String()),
  diubah_sejak: Type.Optional(Type.String({ format: 'date-time' })),
  diubah_sampai: Type.Optional(Type.String({ format: 'date-time' })),
  kursor: Type.Optional(Type.String()),
  batas: Type.Integer({ minimum: 1, maximum: 1000, default: 500 })
})
type ListQuery = Static<typeof ListQuery>

/** The two calls of the contract that need a token. */
export const apiRoutes: FastifyPluginAsyncTypebox<{ state: SimulatorState }> = async (app, { state }) => {
  const requireToken = async (request: FastifyRequest, reply: FastifyReply) => {
    if (await state.tokens.isAccepted(request.headers.authorization)) return
    return sendProblem(reply, 401, 'The access token is missing, expired or revoked.')
  }

  app.get(
    '/v1/tenaga-kesehatan',
    { schema: { querystring: ListQuery }, onRequest: [strikeBefore(state, 'list'), requireToken] },
    async (request, reply) => {
      const body = pageBody(state, request.query)
      if (body === null) return sendProblem(reply, 400, 'kursor was not issued for these filters.')
      state.faults.pagesServed++
      return sendPage(state, request, reply, body)
    }
  )

  app.get(
    '/v1/tenaga-kesehatan/:nomor_str',
    {
      schema: { params: Type.Object({ nomor_str: Type.String() }) },
      onRequest: [strikeBefore(state, 'record'), requireToken]
    },
    async (request, reply) => {
      const rows = state.feed.ofStr(request.params.nomor_str)
      if (rows.length === 0) return sendProblem(reply, 404, 'No record carries this STR.')
      state.stats.rowsServed += rows.length
      return reply.type('application/json').send(`{"data":[${rows.join(',')}]}`)
    }
  )
}

/** Returns a page as JSON text, or null where the cursor is not one of ours. */
function pageBody(state: SimulatorState, query: ListQuery): string | null {
  const { feed, cursors, faults, stats } = state
  const signed = JSON.stringify([query.profesi, query.diubah_sejak, query.diubah_sampai])
  const filters: Filters = {
    since: instantOf(query.diubah_sejak, Number.NEGATIVE_INFINITY),
    until: instantOf(query.diubah_sampai, Number.POSITIVE_INFINITY),
    ...(query.profesi !== undefined && { professionCode: query.profesi })
  }
  const after = query.kursor === undefined ? null : cursors.read(query.kursor, signed)
  if (after === null && query.kursor !== undefined) return null
  const total = feed.total(filters)
  const error = faults.strike('error-page', 'list')
  if (error !== null) return JSON.stringify({ data: [], meta: { kursor_berikutnya: null }, ...error.members })
  if (faults.strike('empty-page', 'list')) {
    const here = after ?? { stamp: Math.max(filters.since, 0) - 1, str: '', id: '' }
    // The salt makes the cursor a new one at the same place, so that nothing is lost and nothing seems to repeat.
    return bodyOf([], cursors.write(here, signed, faults.pagesServed + 1), total)
  }
  const { rows, last } = feed.page(filters, after, query.batas)
  stats.rowsServed += rows.length
  const repeats = query.kursor !== undefined && faults.strike('repeated-cursor', 'list') !== null
  const next = repeats ? (query.kursor ?? null) : last === null ? null : cursors.write(last, signed)
  return bodyOf(rows, next, total)
}

function bodyOf(rows: readonly string[], next: string | null, total: number): string {
  return `{"data":[${rows.join(',')}],"meta":{"kursor_berikutnya":${JSON.stringify(next)},"total":${total}}}`
}

async function sendPage(state: SimulatorState, request: FastifyRequest, reply: FastifyReply, page: string) {
  const { faults, stats } = state
  const isBroken = faults.strike('broken-json', 'list') !== null
  const text = isBroken ? page.slice(0, Math.floor(page.length * 0.8)) : page
  const coding = faults.strike('coding', 'list')
  const zipped = coding === null && state.gzip && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  if (zipped) reply.header('content-encoding', 'gzip').header('vary', 'accept-encoding')
  // Level 1: a page of a thousand rows in milliseconds.
  let body: Buffer = zipped ? await compress(text, { level: 1 }) : Buffer.from(text)
  if (coding !== null) reply.header('content-encoding', coding.declared)
  for (const name of coding?.applied ?? []) body = await encoders[name](body)
  reply.type('application/json')
  const cut = faults.strike('cut-body', 'list')
  if (cut === null) return reply.send(body)
  stats.count(routeOf(request), 'cut')
  reply.hijack()
  copyHeaders(reply)
  reply.raw.setHeader('content-length', body.length)
  reply.raw.write(body.subarray(0, cut.afterBytes ?? body.length >> 1), () => reply.raw.destroy())
  return reply
}

function instantOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : Date.parse(text)
}
