import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Installs Python packages into a folder outside of the repository, where they are kept, and returns it for PYTHONPATH. */
export async function installPython(name: string, packages: readonly string[]): Promise<string> {
  const folder = path.join(process.env.SDMK_ODOO_CACHE ?? tmpdir(), `sdmk-${name}-${userInfo().username}`)
  await mkdir(folder, { recursive: true })
  const args = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--target', folder, ...packages]
  await run('python3', args, { env: { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' } })
  return folder
}
