import { SecretForbidden } from './errors.ts'
import type { VersionedSecretStore } from './store.ts'

/**
 * Returns a view of the store with only the named secrets. Code with the view cannot access the store behind it; a scope of
 * a scope is the intersection of both.
 * @throws SecretForbidden (from every method) for another name.
 */
export function scopeSecrets(store: VersionedSecretStore, names: readonly string[]): VersionedSecretStore {
  const allowed = new Set(names)
  const check = (name: string): void => {
    if (!allowed.has(name)) throw new SecretForbidden(name)
  }
  return Object.freeze({
    variableOf: (name: string) => store.variableOf?.(name) ?? 'SDMK_SECRETS_DIR',
    async read(name: string) {
      check(name)
      return store.read(name)
    },
    async write(name: string, value: Record<string, string>) {
      check(name)
      await store.write(name, value)
    },
    async readVersion(name: string) {
      check(name)
      return store.readVersion(name)
    },
    async replace(name: string, version: string, value: Record<string, string>) {
      check(name)
      return store.replace(name, version, value)
    },
    async destroyFormer(name: string) {
      check(name)
      await store.destroyFormer?.(name)
    }
  })
}
