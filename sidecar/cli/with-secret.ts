import type { Config } from '../config.ts'
import { openRoleSecrets } from '../role-secrets.ts'
import type { VersionedSecretStore } from '../secrets/store.ts'
import { errorLogger } from './command.ts'

/** Returns what `work` returns, with the one secret from the configured store. @throws what `openSecrets` throws */
export async function withSecret<T>(
  config: Config,
  name: string,
  work: (secrets: VersionedSecretStore) => Promise<T>
): Promise<T> {
  const secrets = await openRoleSecrets(config, errorLogger(config), [name])
  try {
    return await work(secrets)
  } finally {
    await secrets.close()
  }
}
