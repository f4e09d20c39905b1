import { randomBytes } from 'node:crypto'
import { chown, mkdir, readlink, realpath, rm, stat, symlink } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Logger } from 'pino'
import { type Account, isAllowed } from './embedded-binaries.ts'
import { EmbeddedDatabaseFailed } from './errors.ts'

/** Where data goes when its user may not enter the folder that was asked for; those that outlive a restart first. */
function sheltersFor(directory: string): string[] {
  // What was asked for in a temporary folder is temporary.
  if (process.platform !== 'linux' || directory.startsWith(os.tmpdir() + path.sep)) return [os.tmpdir()]
  return ['/var/lib', '/var/tmp', os.tmpdir()]
}

/** Whose data it is. */
export interface Tenant {
  /** Name of its folder. */
  name: string
  /** What messages call it. */
  program: string
  account: Account
}

/**
 * Returns the folder that a program keeps its data in, made for its account where it is missing: `<directory>/<name>`.
 *
 * Where the account may not enter it (a checkout under root's 0700 home), that becomes a link to a new folder outside, so
 * that removing the directory still means to start anew.
 *
 * @param shelter the folder to hold such outside folders; by default a fitting one of the system's.
 * @throws EmbeddedDatabaseFailed with what would cure it.
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
    logger.warn({ folder: made, program }, 'its user may not enter the data folder; its data is kept outside')
  }
  await mkdir(folder, { recursive: true })
  if (account.uid !== undefined && account.gid !== undefined) await chown(folder, account.uid, account.gid)
  // Not by the link: whoever may not enter the folder around it cannot follow it either.
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
      // A read-only one: the next may do.
    }
  }
  throw new EmbeddedDatabaseFailed(
    `The user of ${program} may not enter the data folder, and no other place was found. Set SDMK_DATA_DIR to a folder ` +
      `whose parents everyone may enter (mode 0711)${name === 'postgres' ? ', or set SDMK_DATABASE_URL' : ''}`
  )
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false
  )
}
