import type { TokenRequest } from './tokens.ts'

/** What the simulator has answered so far. */
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

export class Stats {
  readonly requests: StatsReport['requests'] = {}
  rowsServed = 0

  count(route: string, outcome: number | 'down' | 'cut'): void {
    this.requests[route] ??= {}
    const outcomes = this.requests[route]
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }
}
