import { parse } from 'pg-connection-string'
import { isLocalHost } from './local-host.ts'

export type DatabaseTls = 'local' | 'verified' | 'unverified'

export interface DatabaseAddress {
  /** With explicit connection options, so that the environment or a later version of the driver cannot change them. */
  url: string
  tls: DatabaseTls
}

/**
 * Returns the URL to connect with. A server on another machine is contacted over TLS, and its certificate and name are
 * checked, unless the URL disables it (`sslmode=disable`, `no-verify`, …); `tls` has the result.
 *
 * @throws if the URL, or a certificate file that it names, cannot be read; the error can repeat the URL.
 */
export function databaseAddress(text: string, defaultHost = process.env.PGHOST): DatabaseAddress {
  const withMode = text.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, '$1verify-full')
  // libpq treats these modes less strictly; with its meaning they would verify less.
  const isLibpq = /[?&]uselibpqcompat=true(&|$)/.test(text)
  const { host, ssl } = parse(isLibpq ? text : withMode) as { host?: string | null; ssl?: unknown }
  if (isLocalHost(host || defaultHost || 'localhost')) return { url: text, tls: 'local' }
  if (ssl === undefined) {
    return { url: `${text}${text.includes('?') ? '&' : '?'}sslmode=verify-full`, tls: 'verified' }
  }
  const checks = ssl as { rejectUnauthorized?: boolean; checkServerIdentity?: unknown }
  const isVerified =
    ssl === true ||
    (typeof ssl === 'object' &&
      ssl !== null &&
      checks.rejectUnauthorized !== false &&
      checks.checkServerIdentity === undefined)
  return isVerified ? { url: isLibpq ? text : withMode, tls: 'verified' } : { url: text, tls: 'unverified' }
}

/**
 * Returns the fault in the URL's choice of a server, or null. libpq tries several hosts in turn; this driver supports
 * only one. It always requires the primary, so `target_session_attrs` may have no other value.
 */
export function serverFault(text: string): string | null {
  const hosts = /^[a-z]+:\/\/(?:[^/?@]*@)?([^/?]*)/i.exec(text)?.[1]
  if ([hosts, /[?&]host=([^&]*)/i.exec(text)?.[1]].some(host => host !== undefined && /,|%2c/i.test(host))) {
    return 'names several hosts; name one address that leads to the primary, such as that of HAProxy'
  }
  const wanted = /[?&]target_session_attrs=([^&]*)/i.exec(text)?.[1]
  if (wanted !== undefined && !['primary', 'read-write'].includes(wanted)) {
    return 'asks for another server than the primary (target_session_attrs)'
  }
  return null
}
