import { randomUUID } from 'node:crypto'
import { chmod, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigurationError } from '../errors.ts'

/**
 * Returns an id that distinguishes this folder from every other, including copies of it. It is the same for all processes
 * that share the folder, even over a network file system: a random text in the file `folder-id`, created at the first call,
 * and that file's inode.
 * @throws ConfigurationError if the folder cannot be written.
 */
export async function readFolderId(directory: string): Promise<string> {
  const file = join(directory, 'folder-id')
  const draft = `${file}.${randomUUID()}.tmp`
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    if (!(await exists(file))) {
      await writeFile(draft, `${randomUUID()}\n`, { mode: 0o600, flag: 'wx' })
      // Of several concurrent processes, the first one's file stays.
      await link(draft, file).catch(error => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      })
      await chmod(directory, 0o700)
    }
    const [text, { ino }] = await Promise.all([readFile(file, 'utf8'), stat(file)])
    return `${text.trim()} ${ino}`
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigurationError(
      'SDMK_SECRETS_DIR',
      `this folder cannot be written (${code}); new tokens must be stored in it`
    )
  } finally {
    await rm(draft, { force: true })
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    error => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  )
}
