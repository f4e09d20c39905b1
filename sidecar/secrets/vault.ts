import { X509Certificate } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { ConfigurationError } from '../errors.ts'
import { readTextFile } from '../platform/strict-text.ts'
import { SecretChanged, SecretUnreadable, SecretUnwritable } from './errors.ts'
import { checkName, isSecret } from './secret.ts'
import type { OpenSecretStore, VersionedSecret } from './store.ts'
import { errorsOf, type VaultAnswer, VaultApi } from './vault-api.ts'
import type { VaultLogger, VaultOptions } from './vault-options.ts'
import { VaultSession } from './vault-session.ts'

const metadata = Type.Object({ version: Type.Integer({ minimum: 1 }) })
const readSchema = Compile(Type.Object({ data: Type.Object({ data: Type.Unknown(), metadata }) }))
const writtenSchema = Compile(Type.Object({ data: metadata }))

/** The version of a secret that never existed. A deleted one keeps its last version. */
const none = '0'
/** How often an unconditional write is repeated because others write the same secret at the same time. */
const writeRounds = 5

export interface VaultSecretStore extends OpenSecretStore {
  /** Returns those of the secrets that this login may read; none if Vault does not answer. */
  findReadable(names: readonly string[]): Promise<string[]>
}

/**
 * Returns a store over Vault's KV engine, version 2 (also of OpenBao), logged in. Every read asks Vault, and every write
 * is a check-and-set. A 403 of a read comes from the policy: `docs/operate/secrets.md` has the necessary policies.
 * @throws ConfigurationError if Vault denies the login or a file cannot be read; SecretStoreUnavailable if Vault is sealed or
 *   unreachable.
 * @see https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
 */
export async function openVaultSecretStore(options: VaultOptions, logger: VaultLogger): Promise<VaultSecretStore> {
  const { address, namespace, timeoutMs, mount, path } = options
  const ca = options.caFile === null ? null : await readCertificates(options.caFile)
  const api = new VaultApi({ address, namespace, timeoutMs, ca })
  const session = new VaultSession(api, options, logger)
  const pathOf = (name: string): string => {
    checkName(name)
    return `${mount}/data/${path}/${name}`
  }

  async function readVersion(name: string): Promise<VersionedSecret> {
    const { status, body } = await session.call(token => api.get(pathOf(name), token))
    const found = readSchema.Check(body) ? body.data : null
    // A deleted secret keeps its version, with status 404; a new secret is written over that.
    if (status === 404 && errorsOf(body).length === 0) {
      return { value: null, version: String(found?.metadata.version ?? none) }
    }
    if (status !== 200) throw new SecretUnreadable(name, refusalOf(options, status))
    if (found === null || !isSecret(found.data))
      throw new SecretUnreadable(name, 'its value in Vault is not an object of texts')
    return { value: found.data, version: String(found.metadata.version) }
  }

  async function replace(name: string, version: string, value: Record<string, string>): Promise<string> {
    const body = { options: { cas: Number(version) }, data: value }
    const answer = await session.call(token => api.post(pathOf(name), body, token))
    if (answer.status === 200 && writtenSchema.Check(answer.body)) return String(answer.body.data.version)
    if (!isOverwritten(answer)) throw new SecretUnwritable(name, refusalOf(options, answer.status))
    // An attempt whose answer was lost may have been executed; then the retry overwrites only its own value.
    const present = await readVersion(name)
    if (Number(present.version) === Number(version) + 1 && isDeepStrictEqual(present.value, value)) {
      return present.version
    }
    throw new SecretChanged(name)
  }

  async function write(name: string, value: Record<string, string>): Promise<void> {
    for (let round = 1; ; round++) {
      try {
        const { version } = await readVersion(name)
        await replace(name, version, value)
        return
      } catch (error) {
        if (!(error instanceof SecretChanged) || round === writeRounds) throw error
      }
    }
  }

  async function destroyFormer(name: string): Promise<void> {
    const { version } = await readVersion(name)
    const versions = Array.from({ length: Number(version) - 1 }, (_, index) => index + 1)
    if (versions.length === 0) return
    const { status } = await session.call(token => api.post(`${mount}/destroy/${path}/${name}`, { versions }, token))
    if (status === 200 || status === 204) return
    const why = status === 403 ? 'the policy of this login does not allow it' : 'Vault did not delete them'
    throw new SecretUnwritable(name, `former versions below ${mount}/destroy/${path} still exist: ${why} (${status})`)
  }

  async function findReadable(names: readonly string[]): Promise<string[]> {
    const paths = names.map(pathOf)
    const { body } = await session.call(token => api.post('sys/capabilities-self', { paths }, token))
    const { data } = (body ?? {}) as { data?: Record<string, unknown> }
    return names.filter(name => {
      const capabilities = data?.[pathOf(name)]
      return Array.isArray(capabilities) && capabilities.some(word => word === 'read' || word === 'root')
    })
  }

  async function close(): Promise<void> {
    await session.close()
    api.close()
  }

  if (isInTheClear(address)) {
    logger.warn({ address }, 'the connection to Vault has no TLS: secrets and tokens cross the network in clear')
  }
  try {
    await session.start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    variableOf: () => 'SDMK_VAULT_PATH',
    read: async name => (await readVersion(name)).value,
    readVersion,
    replace,
    write,
    destroyFormer,
    findReadable,
    close
  }
}

function isInTheClear(address: string): boolean {
  const { protocol, hostname } = new URL(address)
  return protocol === 'http:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)
}

async function readCertificates(file: string): Promise<string> {
  try {
    const text = await readTextFile(file)
    // Otherwise each connection would fail with an error that names no file.
    new X509Certificate(text)
    return text
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigurationError('SDMK_VAULT_CA_FILE', `its file cannot be read as certificates (${code})`)
  }
}

function isOverwritten({ status, body }: VaultAnswer): boolean {
  return status === 400 && errorsOf(body).some(text => /check-and-set/i.test(text))
}

function refusalOf({ mount, path }: VaultOptions, status: number): string {
  if (status === 403) return `the policy of this login does not allow it below ${mount}/data/${path} (403)`
  if (status === 404) return `Vault has no KV engine at SDMK_VAULT_MOUNT (${mount})`
  return `Vault answers ${status}`
}
