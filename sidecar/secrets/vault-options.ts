/** The login to Vault: a token in a file that another program maintains, or an AppRole. */
export type VaultLogin =
  | { kind: 'token'; tokenFile: string }
  | { kind: 'approle'; mount: string; roleId: string; secretIdFile: string }

export interface VaultOptions {
  /** For example `https://vault.example.org:8200`, without a slash at its end. */
  address: string
  /** Mount of the KV engine, version 2. */
  mount: string
  /** Path below the mount; each secret is an entry there. */
  path: string
  /** `null` if the server has no namespaces. */
  namespace: string | null
  /** Certificate authorities (PEM) to trust instead of Node's; `null` for Node's. */
  caFile: string | null
  /** Longest time for one read or write, with its retries. */
  timeoutMs: number
  login: VaultLogin
}

/** The part of a pino logger that the client uses. */
export interface VaultLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
