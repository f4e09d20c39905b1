import { hash, randomUUID } from 'node:crypto'
import { chmod, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SecretStoreUnavailable } from '../platform/errors.ts'
import { readTextFile } from '../platform/strict-text.ts'
import { SecretChanged, SecretUnreadable, SecretUnwritable } from './errors.ts'
import { checkName, isSecret } from './secret.ts'
import type { VersionedSecret, VersionedSecretStore } from './store.ts'

/** The version of a missing secret. */
const none = 'none'

/**
 * Returns a store that keeps each secret as one JSON file `<name>.json` in `directory`, for a single machine.
 *
 * The directory is created at the first write and readable only by its owner (0700), and so are its files (0600). A write
 * replaces the file as a whole, so that a reader sees the old secret or the new one, even if a process dies. A version is
 * the hash of a file. Creating a secret is atomic. Replacing one compares first and relies on a lock that its writers take
 * (for the token pair: one in the database), since a file system has no compare-and-swap.
 * @throws SecretNameInvalid (from all methods) for a name that is not `[a-z0-9-]+`; SecretStoreUnavailable if the
 *   directory cannot be used.
 */
export function createFileSecretStore(directory: string): VersionedSecretStore {
  async function readVersion(name: string): Promise<VersionedSecret> {
    const file = fileOf(directory, name)
    let text: string
    try {
      text = await readTextFile(file)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { value: null, version: none }
      throw isForAPerson(error)
        ? new SecretUnreadable(name, `${file} (${codeOf(error)})`, { cause: error })
        : away(directory, error)
    }
    return { value: parse(name, file, text), version: versionOf(text) }
  }

  async function store(name: string, value: Record<string, string>, put: typeof rename): Promise<string> {
    const file = fileOf(directory, name)
    const text = `${JSON.stringify(value, null, 2)}\n`
    try {
      await ensurePrivate(directory)
      await putFile(directory, file, text, put)
    } catch (error) {
      if (put === link && codeOf(error) === 'EEXIST') throw new SecretChanged(name)
      throw isForAPerson(error)
        ? new SecretUnwritable(name, `${file} (${codeOf(error)})`, { cause: error })
        : away(directory, error)
    }
    return versionOf(text)
  }

  return {
    variableOf: () => 'SDMK_SECRETS_DIR',
    readVersion,
    read: async name => (await readVersion(name)).value,
    write: async (name, value) => void (await store(name, value, rename)),
    async replace(name, version, value) {
      if ((await readVersion(name)).version !== version) throw new SecretChanged(name)
      return store(name, value, version === none ? link : rename)
    }
  }
}

function fileOf(directory: string, name: string): string {
  checkName(name)
  return join(directory, `${name}.json`)
}

function versionOf(text: string): string {
  return hash('sha256', text)
}

function parse(name: string, file: string, text: string): Record<string, string> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's error must not be the cause, because it quotes the text, which is the secret.
    throw new SecretUnreadable(name, `${file} is not valid JSON`)
  }
  if (!isSecret(value)) throw new SecretUnreadable(name, `${file} is not an object of texts`)
  return value
}

async function ensurePrivate(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const { mode } = await stat(directory)
  if ((mode & 0o077) !== 0) await chmod(directory, 0o700)
}

/** Moves a complete file into place by `rename`, or by `link`, which fails if the file exists. */
async function putFile(directory: string, file: string, text: string, put: typeof rename): Promise<void> {
  const draft = `${file}.${randomUUID()}.tmp`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await put(draft, file)
  } finally {
    // After a rename the file no longer exists under this name.
    await rm(draft, { force: true })
  }
  // Without this a power cut may lose the rename, and with it a refresh token that is already in use.
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Permissions, and other files in the secret's place, need somebody to change them. A disk that is unavailable, full or
 * broken may work again without a change.
 */
function isForAPerson(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EISDIR', 'NOT_UTF8'].includes(codeOf(error))
}

function away(directory: string, error: unknown): SecretStoreUnavailable {
  return new SecretStoreUnavailable(`SDMK_SECRETS_DIR: ${directory}`, `cannot be used (${codeOf(error)})`)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
