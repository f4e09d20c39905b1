import { randomUUID } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { SecretNameInvalid, SecretUnreadable, SecretUnwritable } from './errors.ts'
import type { SecretStore } from './store.ts'

const secretSchema = Compile(Type.Record(Type.String(), Type.String()))

/**
 * Returns a store that keeps each secret as one JSON file `<name>.json` in `directory`, for a single machine.
 *
 * The directory is made at the first write and readable by its owner only (0700), its files too (0600). A write replaces
 * the file as a whole, so that a reader, or a process that dies, sees the old secret or the new one.
 * @throws SecretNameInvalid (from both methods) for a name that is not `[a-z0-9-]+`.
 */
export function createFileSecretStore(directory: string): SecretStore {
  return {
    async read(name) {
      const file = fileOf(directory, name)
      let text: string
      try {
        text = await readFile(file, 'utf8')
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return null
        throw new SecretUnreadable(name, `${file} (${codeOf(error)})`, { cause: error })
      }
      return parse(name, file, text)
    },

    async write(name, value) {
      const file = fileOf(directory, name)
      try {
        await ensurePrivate(directory)
        await replaceFile(directory, file, `${JSON.stringify(value, null, 2)}\n`)
      } catch (error) {
        throw new SecretUnwritable(name, `${file} (${codeOf(error)})`, { cause: error })
      }
    }
  }
}

function fileOf(directory: string, name: string): string {
  if (!/^[a-z0-9-]+$/.test(name)) throw new SecretNameInvalid()
  return join(directory, `${name}.json`)
}

function parse(name: string, file: string, text: string): Record<string, string> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own error quotes the text, which is the secret: it must not travel as a cause.
    throw new SecretUnreadable(name, `${file} is not valid JSON`)
  }
  if (!secretSchema.Check(value)) throw new SecretUnreadable(name, `${file} is not an object of texts`)
  return value
}

async function ensurePrivate(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const { mode } = await stat(directory)
  if ((mode & 0o077) !== 0) await chmod(directory, 0o700)
}

async function replaceFile(directory: string, file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}.tmp`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
  // Without this the rename itself may be lost in a power cut, and with it a refresh token that is already in use.
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
