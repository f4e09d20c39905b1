import type { Config } from './config.ts'
import type { Role } from './environment.ts'
import { ConfigurationError } from './errors.ts'
import { identitySecret } from './identity/keys.ts'
import { odooSecret } from './odoo/link.ts'
import { type OpenSecrets, openSecrets } from './secrets/open.ts'
import type { VaultLogger } from './secrets/vault-options.ts'
import { credentialsSecret, tokenSecret } from './source/token.ts'

type SecretsConfig = Pick<Config, 'roles' | 'mayFetch' | 'vault' | 'secretsDir' | 'isSecretsDirSet' | 'odoo'>

/** Secrets that only the role `fetch` may read, because they allow requests to KKI in our name. */
export const kkiSecrets: readonly string[] = [credentialsSecret, tokenSecret]

/** The secrets that each role needs; `docs/operate/secrets.md` has the matching Vault policies. */
const secretsOf: Record<Role, readonly string[]> = {
  fetch: [...kkiSecrets, identitySecret],
  registry: [identitySecret],
  api: [identitySecret, odooSecret],
  relay: [odooSecret]
}

/** Returns the names of the secrets that a process of these roles needs, each once. */
export function secretsOfRoles({ roles, odoo }: Pick<Config, 'roles' | 'odoo'>): string[] {
  const names = new Set(roles.flatMap(role => secretsOf[role]))
  if (odoo === null) names.delete(odooSecret)
  return [...names]
}

/**
 * Returns the secrets that this process's roles need, or the given ones, and no others.
 * @throws what `openSecrets` throws
 */
export function openRoleSecrets(
  config: SecretsConfig,
  logger: VaultLogger,
  needed: readonly string[] = secretsOfRoles(config)
): Promise<OpenSecrets> {
  return openSecrets(config, { needed, vaultOnly: kkiSecrets }, logger)
}

/**
 * Returns nothing if this process cannot read KKI's secrets, or has the role `fetch`.
 * @throws ConfigurationError if its login to Vault may read them: then only our own code would keep them from this role.
 */
export async function refuseBroadLogin({ mayFetch, vault }: SecretsConfig, secrets: OpenSecrets): Promise<void> {
  if (mayFetch) return
  const [readable] = await secrets.findReadable(kkiSecrets)
  if (readable === undefined) return
  throw new ConfigurationError(
    vault?.login.kind === 'token' ? 'SDMK_VAULT_TOKEN_FILE' : 'SDMK_VAULT_ROLE_ID',
    `this login may read the secret "${readable}", which is for the role "fetch" alone; docs/operate/secrets.md has the policies`
  )
}
