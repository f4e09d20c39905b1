import { type Static, type TProperties, Type } from 'typebox'

const common = {
  times: Type.Optional(Type.Integer({ minimum: 0, description: 'how often it strikes; default 1; 0: until cleared' })),
  afterPages: Type.Optional(Type.Integer({ minimum: 0, description: 'pages served before it strikes; default 0' }))
}
const target = Type.Optional(
  Type.Enum(['any', 'list', 'record', 'token', 'api'], { description: 'api: list and record' })
)

/** Content codings that a page can be sent in. */
export const codings = ['gzip', 'deflate', 'deflate-raw', 'br', 'zstd'] as const

function fault<const K extends string, P extends TProperties>(kind: K, properties: P) {
  return Type.Object({ kind: Type.Literal(kind), ...properties, ...common }, { additionalProperties: false })
}

/** The form of a fault in the queue. */
export const FaultSpec = Type.Union([
  fault('down', { on: target }),
  fault('slow', { ms: Type.Integer({ minimum: 0 }), on: target }),
  fault('status', {
    status: Type.Integer({ minimum: 300, maximum: 599 }),
    location: Type.Optional(Type.String({ description: 'of a redirect' })),
    retryAfter: Type.Optional(Type.String({ description: 'seconds or an HTTP date, sent unchanged' })),
    on: target
  }),
  fault('date', {
    aheadSeconds: Type.Optional(Type.Integer({ description: 'moves the Date header; negative: behind; default 0' })),
    text: Type.Optional(Type.String({ description: 'the Date header, sent unchanged; empty: none' })),
    on: target
  }),
  fault('cut-body', { afterBytes: Type.Optional(Type.Integer({ minimum: 0, description: 'default: half of them' })) }),
  fault('broken-json', {}),
  fault('coding', {
    declared: Type.String({ description: 'the Content-Encoding header of the page' }),
    applied: Type.Array(Type.Enum(codings), { description: 'the codings of its body, in this order' })
  }),
  fault('error-page', {
    members: Type.Record(Type.String(), Type.Unknown(), { description: 'of an empty page, such as `error`' })
  }),
  fault('described', {
    means: Type.Enum(['tokenDenied', 'tryLater', 'stop', 'noRows'], {
      description: 'the first fault of the description that means this'
    }),
    on: target
  }),
  fault('repeated-cursor', {}),
  fault('empty-page', {}),
  fault('delete-record', {
    id: Type.String({ description: 'of an injected record, which leaves the list before a page' })
  }),
  fault('expire-tokens', {}),
  fault('revoke-refresh', {}),
  fault('refuse-client', {}),
  fault('token-answer', {
    members: Type.Record(Type.String(), Type.Unknown(), { description: 'put into an answer with a token' }),
    without: Type.Optional(Type.Array(Type.String(), { description: 'members that it then lacks' }))
  })
])

export type FaultSpec = Static<typeof FaultSpec>
export type FaultKind = FaultSpec['kind']

/** The part of the API that a request is for. */
export type Target = 'list' | 'record' | 'token'

/** A queued fault, and how often it has struck. */
export interface QueuedFault {
  id: number
  spec: FaultSpec
  hits: number
  /** Null: until cleared. */
  left: number | null
  /** `pagesServed` from which on it strikes. */
  fromPage: number
}

/** The queued faults, in the order in which they were queued. */
export class FaultQueue {
  #queue: QueuedFault[] = []
  #nextId = 1
  /** Pages that the list has answered so far. */
  pagesServed = 0

  add(spec: FaultSpec): QueuedFault {
    const times = spec.times ?? 1
    const fault = {
      id: this.#nextId++,
      spec,
      hits: 0,
      left: times === 0 ? null : times,
      fromPage: this.pagesServed + (spec.afterPages ?? 0)
    }
    this.#queue.push(fault)
    return fault
  }

  list(): readonly QueuedFault[] {
    return this.#queue
  }

  clear(): void {
    this.#queue = []
  }

  /** Returns the first queued fault of this kind that is due for this request, and counts it; null if none is due. */
  strike<K extends FaultKind>(kind: K, on: Target): Extract<FaultSpec, { kind: K }> | null {
    const isDue = ({ spec, left, fromPage }: QueuedFault) =>
      spec.kind === kind && left !== 0 && this.pagesServed >= fromPage && isAimedAt(spec, on)
    const fault = this.#queue.find(isDue)
    if (fault === undefined) return null
    fault.hits++
    if (fault.left !== null) fault.left--
    return fault.spec as Extract<FaultSpec, { kind: K }>
  }
}

function isAimedAt(spec: FaultSpec, on: Target): boolean {
  switch (spec.kind) {
    case 'down':
    case 'slow':
    case 'status':
    case 'date':
    case 'described': {
      const aim = spec.on ?? (spec.kind === 'down' ? 'any' : 'api')
      return aim === 'any' || aim === on || (aim === 'api' && on !== 'token')
    }
    case 'cut-body':
    case 'broken-json':
    case 'coding':
    case 'error-page':
    case 'repeated-cursor':
    case 'empty-page':
    case 'delete-record':
      return on === 'list'
    case 'expire-tokens':
      return on !== 'token'
    case 'revoke-refresh':
    case 'refuse-client':
    case 'token-answer':
      return on === 'token'
  }
}
