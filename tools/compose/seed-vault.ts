/**
 * Fills an OpenBao or Vault for docker-compose.odoo.yml: KKI's credentials, the keys of identity numbers, a policy and an
 * AppRole for each process. A one-shot service runs it at each start; a repeated run changes nothing. The script has no
 * imports from this repository, so that it can be mounted into the image.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** Each name is a policy, a file in the folder of policies, and an AppRole with this role id. */
const roles = { 'sdmk-fetch': 'vault-secret-id-fetch', 'sdmk-service': 'vault-secret-id-service' }

const { VAULT_ADDR: address, SECRETS_DIR: secretsDir, POLICIES_DIR: policiesDir } = process.env
if (!address || !secretsDir || !policiesDir) {
  throw new Error(
    'VAULT_ADDR, SECRETS_DIR and POLICIES_DIR are required: the address of Vault and the folders of the files'
  )
}
const read = async (name: string) => (await readFile(path.join(secretsDir, name), 'utf8')).trim()
const token = await read('vault-root-token')

await enable('mounts', 'secret', { type: 'kv', options: { version: '2' } })
await enable('auth', 'approle', { type: 'approle' })
await writeSecret('kki', JSON.parse(await read('kki.json')))
await writeSecret('nik-keys', JSON.parse(await read('nik-keys.json')), { isFixed: true })
// Spent tokens need no history, and every write of the pair must be a check-and-set.
await call('POST', 'secret/metadata/sdmk/kki-token', { max_versions: 2, cas_required: true })
for (const [name, file] of Object.entries(roles)) {
  const policy = await readFile(path.join(policiesDir, `${name}.hcl`), 'utf8')
  await call('PUT', `sys/policies/acl/${name}`, { policy })
  await call('POST', `auth/approle/role/${name}`, { token_policies: [name], token_ttl: '1h', token_max_ttl: '24h' })
  await call('POST', `auth/approle/role/${name}/role-id`, { role_id: name })
  await keepSecretId(`auth/approle/role/${name}`, await read(file))
}
console.log(`${address} has the secrets, policies and roles of the connector.`)

async function enable(kind: 'mounts' | 'auth', name: string, options: object): Promise<void> {
  const { data } = await call('GET', `sys/${kind}`)
  if (data?.[`${name}/`] === undefined) await call('POST', `sys/${kind}/${name}`, options)
}

/**
 * A fixed secret is never replaced. After a rotation the store is newer than the file, and values that are sealed with
 * its keys could not be opened with those of the file.
 */
async function writeSecret(name: string, data: Record<string, string>, { isFixed = false } = {}): Promise<void> {
  const stored = (await call('GET', `secret/data/sdmk/${name}`)).data?.data as Record<string, string> | undefined
  if (stored && isSame(stored, data)) return
  if (stored && isFixed) {
    console.log(`The secret "${name}" was not changed. It differs from the file, as after a rotation.`)
    return
  }
  await call('POST', `secret/data/sdmk/${name}`, { data })
}

function isSame(a: Record<string, string>, b: Record<string, string>): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...names].every(name => a[name] === b[name])
}

/** Sets the secret id to the text of the file and deletes those of former files. */
async function keepSecretId(role: string, secretId: string): Promise<void> {
  const known = await call('POST', `${role}/secret-id/lookup`, { secret_id: secretId })
  const present = known.data?.secret_id_accessor
  if (present === undefined) await call('POST', `${role}/custom-secret-id`, { secret_id: secretId })
  const accessors = (await call('GET', `${role}/secret-id?list=true`)).data?.keys as string[] | undefined
  const kept =
    present ?? (await call('POST', `${role}/secret-id/lookup`, { secret_id: secretId })).data?.secret_id_accessor
  for (const accessor of accessors ?? []) {
    if (accessor === kept) continue
    await call('POST', `${role}/secret-id-accessor/destroy`, { secret_id_accessor: accessor })
  }
}

async function call(method: string, to: string, body?: object): Promise<{ data?: Record<string, unknown> }> {
  const response = await fetch(`${address}/v1/${to}`, {
    method,
    headers: { 'x-vault-token': token },
    ...(body && { body: JSON.stringify(body) })
  })
  const text = await response.text()
  // Nothing there yet.
  if (response.status === 404) return {}
  // An error's text never repeats the request.
  if (!response.ok) throw new Error(`${method} ${to}: ${response.status} ${text.trim()}`)
  return text === '' ? {} : JSON.parse(text)
}
