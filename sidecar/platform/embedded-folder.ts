import { randomBytes } from 'node:crypto'
import { chown, mkdir, readlink, realpath, rm, stat, symlink } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Logger } from 'pino'
import { type Account, isAllowed } from './embedded-binaries.ts'
import { EmbeddedDatabaseFailed } from './errors.ts'

/** Folders for the data if its user has no access to the requested one; those that outlive a restart first. */
function sheltersFor(directory: string): string[] {
  // If the requested folder is temporary, the data may be temporary too.
  if (process.platform !== 'linux' || directory.startsWith(os.tmpdir() + path.sep)) return [os.tmpdir()]
  return ['/var/lib', '/var/tmp', os.tmpdir()]
}

/** The program that owns the data. */
export interface Tenant {
  /** Name of its folder. */
  name: string
  /** Its name in messages. */
  program: string
  account: Account
}

/**
 * Returns the folder of a program's data, created for its account if it is missing: `<directory>/<name>`.
 *
 * If the account has no access to it (a checkout under root's 0700 home), it becomes a link to a new folder elsewhere. So
 * removing the directory still means a fresh start.
 *
 * @param shelter the folder for such folders elsewhere; by default a suitable one of the system.
 * @throws EmbeddedDatabaseFailed with a remedy.
 */
export async function prepareFolder(
  directory: string,
  { name, program, account }: Tenant,
  logger: Logger,
  shelter?: string
): Promise<string> {
  const folder = path.join(directory, name)
  await mkdir(directory, { recursive: true })
  const outside = await readlink(folder).catch(() => null)
  if (outside !== null && !(await exists(outside))) await rm(folder)
  if (!(await exists(folder)) && !(await isAllowed(account, '-x', directory))) {
    const made = await makeOutside(
      { name, program, account },
      shelter === undefined ? sheltersFor(directory) : [shelter]
    )
    await symlink(made, folder).catch(async () => rm(made, { recursive: true, force: true }))
    logger.warn({ folder: made, program }, 'its user has no access to the data folder; its data is stored elsewhere')
  }
  await mkdir(folder, { recursive: true })
  if (account.uid !== undefined && account.gid !== undefined) await chown(folder, account.uid, account.gid)
  // The real path, because an account without access to the parent folder cannot follow the link.
  const real = await realpath(folder)
  if (await isAllowed(account, '-w', real)) return real
  throw new EmbeddedDatabaseFailed(
    `${program} may not write to ${real}. Start as the user that owns it, or set SDMK_DATA_DIR to another folder`
  )
}

async function makeOutside({ name, program, account }: Tenant, shelters: string[]): Promise<string> {
  for (const parent of shelters) {
    if (!(await isAllowed(account, '-x', parent))) continue
    const made = path.join(parent, `sdmk-${name}-${randomBytes(6).toString('hex')}`)
    try {
      await mkdir(made)
      return made
    } catch {
      // A read-only folder; the next one may be writable.
    }
  }
  throw new EmbeddedDatabaseFailed(
    `The user of ${program} has no access to the data folder, and no other place was found. Set SDMK_DATA_DIR to a folder ` +
      `whose parent folders all users may enter (mode 0711)${name === 'postgres' ? ', or set SDMK_DATABASE_URL' : ''}`
  )
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false
  )
}
