import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { addons } from '../../tools/odoo/server.ts'

const run = promisify(execFile)
const linters = ['ruff==0.17.6', 'pylint-odoo==10.0.12']
const folder = path.join(process.env.SDMK_ODOO_CACHE ?? tmpdir(), `sdmk-lint-${userInfo().username}`)
const addonsFolder = fileURLToPath(new URL('../../odoo_addons', import.meta.url))

/** Runs a linter; what it finds fault with is the error. */
async function lint(...args: string[]) {
  const env = { ...process.env, PYTHONPATH: folder }
  await run('python3', ['-m', ...args], { cwd: addonsFolder, env }).catch(error => {
    assert.fail(`${error.stdout}${error.stderr}`)
  })
}

describe('the code of the addons', () => {
  before(async () => {
    await mkdir(folder, { recursive: true })
    await run(
      'python3',
      ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--target', folder, ...linters],
      {
        env: { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' }
      }
    )
  })

  test('is clean by ruff', () => lint('ruff', 'check', '--no-cache', '.'))

  test('is formatted by ruff', () => lint('ruff', 'format', '--no-cache', '--check', '.'))

  test('is clean by pylint-odoo', () => lint('pylint', '--rcfile=.pylintrc', ...addons))
})
