/** The part of a secret store that most of the connector needs; HashiCorp Vault KV v2 maps onto it one to one. */
export interface SecretStore {
  /** Returns the environment variable that says where the secret lies, for texts that send somebody there. */
  variableOf?(name: string): string
  /** Resolves to the whole secret, or to `null` where there is none of this name. @throws SecretUnreadable, SecretStoreUnavailable */
  read(name: string): Promise<Record<string, string> | null>
  /**
   * Replaces the whole secret, whatever it was; once resolved, every reader sees the new one, also after a crash.
   * @throws SecretUnwritable, SecretStoreUnavailable
   */
  write(name: string, value: Record<string, string>): Promise<void>
}

/** A secret as it was at one moment. `version` stands for that moment, also where there was no secret. */
export interface VersionedSecret {
  value: Record<string, string> | null
  version: string
}

/** A store whose writers can tell whether somebody else was quicker. */
export interface VersionedSecretStore extends SecretStore {
  /** Like `read`, with the version that `replace` asks for. */
  readVersion(name: string): Promise<VersionedSecret>
  /**
   * Like `write`, but only over the given version; resolves to the new one.
   * @throws SecretChanged where the secret is another by now; it is left as it is.
   */
  replace(name: string, version: string, value: Record<string, string>): Promise<string>
  /**
   * Destroys every version before the present one. Missing where a store keeps no former versions.
   * @throws SecretUnwritable, SecretStoreUnavailable
   */
  destroyFormer?(name: string): Promise<void>
}

/** A store with what it holds open. */
export interface OpenSecretStore extends VersionedSecretStore {
  close(): Promise<void>
}
