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

/**
 * Returns the folder that PostgreSQL keeps its data in, made for `account` where it is missing: `<directory>/postgres`.
 *
 * Where the account may not enter it (a checkout under root's 0700 home), `<directory>/postgres` becomes a link to a new
 * folder outside, so that removing the directory still means to start anew.
 *
 * @param shelter the folder to hold such outside folders; by default a fitting one of the system's.
 */
export async function prepareFolder(
  directory: string,
  account: Account,
  logger: Logger,
  shelter?: string
): Promise<string> {
  const folder = path.join(directory, 'postgres')
  await mkdir(directory, { recursive: true })
  const outside = await readlink(folder).catch(() => null)
  if (outside !== null && !(await exists(outside))) await rm(folder)
  if (!(await exists(folder)) && !(await isAllowed(account, '-x', directory))) {
    const made = await makeOutside(account, shelter === undefined ? sheltersFor(directory) : [shelter])
    await symlink(made, folder).catch(async () => rm(made, { recursive: true, force: true }))
    logger.warn({ folder: made }, 'the database’s user may not enter the data folder; its data is kept outside')
  }
  await mkdir(folder, { recursive: true })
  if (account.uid !== undefined && account.gid !== undefined) await chown(folder, account.uid, account.gid)
  // Not by the link: whoever may not enter the folder around it cannot follow it either.
  const real = await realpath(folder)
  if (await isAllowed(account, '-w', real)) return real
  throw new EmbeddedDatabaseFailed(
    `PostgreSQL may not write to ${real}. Start as the user that owns it, or set SDMK_DATA_DIR to another folder`
  )
}

async function makeOutside(account: Account, shelters: string[]): Promise<string> {
  for (const parent of shelters) {
    if (!(await isAllowed(account, '-x', parent))) continue
    const made = path.join(parent, `sdmk-postgres-${randomBytes(6).toString('hex')}`)
    try {
      await mkdir(made)
      return made
    } catch {
      // A read-only one: the next may do.
    }
  }
  throw new EmbeddedDatabaseFailed(
    'PostgreSQL’s user may not enter the data folder, and no other place was found. Set SDMK_DATA_DIR to a folder ' +
      'whose parents everyone may enter (mode 0711), or set SDMK_DATABASE_URL'
  )
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false
  )
}
