import type { TokenRequest } from '../simulator/tokens.ts'

export interface TokenVerdict {
  /** Requests with the client credentials. */
  logins: number
  refreshes: number
  /** Denied requests; these include a refresh token that was sent twice. */
  refused: number
  /** Seconds between two tokens: the shortest and the longest. */
  shortestGap: number
  longestGap: number
}

/** Returns the data about a walk's tokens from the simulator's log. */
export function evaluateTokens(requests: readonly TokenRequest[]): TokenVerdict {
  const issued = requests.filter(({ result }) => result === 'issued')
  const gaps = issued.slice(1).map(({ at }, index) => (at - (issued[index]?.at ?? at)) / 1000)
  return {
    logins: issued.filter(({ grantType }) => grantType === 'client_credentials').length,
    refreshes: issued.filter(({ grantType }) => grantType === 'refresh_token').length,
    refused: requests.length - issued.length,
    shortestGap: Math.min(...gaps),
    longestGap: Math.max(...gaps)
  }
}
