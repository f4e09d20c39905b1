/** How Vault is logged in to: with a token that somebody else keeps in a file, or as an AppRole. */
export type VaultLogin =
  | { kind: 'token'; tokenFile: string }
  | { kind: 'approle'; mount: string; roleId: string; secretIdFile: string }

export interface VaultOptions {
  /** Such as `https://vault.example.org:8200`, without a slash at its end. */
  address: string
  /** Of the KV engine, version 2. */
  mount: string
  /** Below the mount; each secret is an entry there. */
  path: string
  /** `null` where the server has none. */
  namespace: string | null
  /** Certificates (PEM) to trust instead of the system's; `null` for those. */
  caFile: string | null
  /** Longest time for one use, its retries included. */
  timeoutMs: number
  login: VaultLogin
}

/** The part of a pino logger that the client uses. */
export interface VaultLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
