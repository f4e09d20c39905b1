/** The part of a secret store that the connector needs; HashiCorp Vault KV v2 maps onto it one to one. */
export interface SecretStore {
  /** Resolves to the whole secret, or to `null` where there is none of this name. @throws SecretUnreadable */
  read(name: string): Promise<Record<string, string> | null>
  /** Replaces the whole secret; once resolved, every reader sees the new one, also after a crash. @throws SecretUnwritable */
  write(name: string, value: Record<string, string>): Promise<void>
}
