/** The part of a secret store that most of the connector needs; HashiCorp Vault KV v2 maps onto it one to one. */
export interface SecretStore {
  /** Returns the environment variable with the place of the secret, for messages that refer to it. */
  variableOf?(name: string): string
  /** Resolves to the whole secret, or to `null` if it does not exist. @throws SecretUnreadable, SecretStoreUnavailable */
  read(name: string): Promise<Record<string, string> | null>
  /**
   * Replaces the whole secret unconditionally; once resolved, every reader sees the new one, even after a crash.
   * @throws SecretUnwritable, SecretStoreUnavailable
   */
  write(name: string, value: Record<string, string>): Promise<void>
}

/** A secret and its version. A missing secret has a version too. */
export interface VersionedSecret {
  value: Record<string, string> | null
  version: string
}

/** A store with optimistic locking: a writer notices if another one was faster. */
export interface VersionedSecretStore extends SecretStore {
  /** Like `read`, with the version that `replace` needs. */
  readVersion(name: string): Promise<VersionedSecret>
  /**
   * Like `write`, but only over the given version; resolves to the new one.
   * @throws SecretChanged if the secret has changed; it is then not replaced.
   */
  replace(name: string, version: string, value: Record<string, string>): Promise<string>
  /**
   * Destroys every version before the present one. Undefined if the store keeps no former versions.
   * @throws SecretUnwritable, SecretStoreUnavailable
   */
  destroyFormer?(name: string): Promise<void>
}

/** A store with open resources. */
export interface OpenSecretStore extends VersionedSecretStore {
  close(): Promise<void>
}
