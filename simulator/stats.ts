import type { TokenRequest } from './tokens.ts'

/** Counts of the answers so far. */
export interface StatsReport {
  /** By method and route, then by status; `down` and `cut` are connections that it broke. */
  requests: Record<string, Record<string, number>>
  rowsServed: number
  pagesServed: number
  /** Issued tokens by grant type. */
  tokens: Record<string, number>
  /** Every decided request for a token, in order. */
  tokenRequests: readonly TokenRequest[]
}

/** A received request, with the ids of its caller. */
export interface SeenRequest {
  /** Method and route. */
  route: string
  requestId: string
  /** Null if the request had none. */
  traceparent: string | null
}

/** Number of requests that are kept, enough to examine a whole walk afterwards. */
const seenRequests = 10_000

export class Stats {
  readonly requests: StatsReport['requests'] = {}
  readonly seen: SeenRequest[] = []
  rowsServed = 0

  see(request: SeenRequest): void {
    this.seen.push(request)
    if (this.seen.length > seenRequests) this.seen.shift()
  }

  count(route: string, outcome: number | 'down' | 'cut'): void {
    this.requests[route] ??= {}
    const outcomes = this.requests[route]
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }
}
