import { createFileSecretStore } from './file.ts'
import { scopeSecrets } from './scope.ts'
import type { OpenSecretStore, VersionedSecretStore } from './store.ts'
import type { VaultSecretStore } from './vault.ts'
import type { VaultLogger, VaultOptions } from './vault-options.ts'

export interface SecretsOptions {
  /** `null`: every secret is a file. */
  vault: VaultOptions | null
  secretsDir: string
  /** Whether the folder is configured; together with Vault, it has all secrets except those in `vaultOnly`. */
  isSecretsDirSet: boolean
}

export interface SecretNames {
  /** The secrets that this process needs. */
  needed: readonly string[]
  /** Secrets that are in Vault whenever Vault is configured. */
  vaultOnly: readonly string[]
}

export interface OpenSecrets extends OpenSecretStore {
  /** Whether this secret is a file. */
  isFile(name: string): boolean
  /** Returns those of the given secrets of other processes that this process's login to Vault may read. */
  findReadable(names: readonly string[]): Promise<string[]>
}

/**
 * Returns the secrets that a process needs, and no others, from Vault or from files. It does not log in to Vault if Vault
 * has none of them.
 * @throws what `openVaultSecretStore` throws
 */
export async function openSecrets(
  { vault: vaultOptions, secretsDir, isSecretsDirSet }: SecretsOptions,
  { needed, vaultOnly }: SecretNames,
  logger: VaultLogger
): Promise<OpenSecrets> {
  const isFile = (name: string): boolean => vaultOptions === null || (isSecretsDirSet && !vaultOnly.includes(name))
  const files = createFileSecretStore(secretsDir)
  const vault = vaultOptions === null || needed.every(isFile) ? null : await openVault(vaultOptions, logger)
  return {
    ...scopeSecrets(vault === null ? files : route(isFile, files, vault), needed),
    isFile,
    findReadable: async names => (vault === null ? [] : vault.findReadable(names)),
    close: async () => vault?.close()
  }
}

/** Vault's client is loaded on demand, because loading takes a twentieth of a start. */
async function openVault(options: VaultOptions, logger: VaultLogger): Promise<VaultSecretStore> {
  const { openVaultSecretStore } = await import('./vault.ts')
  return openVaultSecretStore(options, logger)
}

function route(
  isFile: (name: string) => boolean,
  files: VersionedSecretStore,
  vault: VaultSecretStore
): VersionedSecretStore {
  const storeOf = (name: string): VersionedSecretStore => (isFile(name) ? files : vault)
  return {
    variableOf: name => (isFile(name) ? 'SDMK_SECRETS_DIR' : 'SDMK_VAULT_PATH'),
    read: name => storeOf(name).read(name),
    write: (name, value) => storeOf(name).write(name, value),
    readVersion: name => storeOf(name).readVersion(name),
    replace: (name, version, value) => storeOf(name).replace(name, version, value),
    destroyFormer: async name => storeOf(name).destroyFormer?.(name)
  }
}
