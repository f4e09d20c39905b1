import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { addons } from '../../tools/odoo/server.ts'
import { installPython } from '../helpers/python.ts'

const run = promisify(execFile)
const linters = ['ruff==0.17.6', 'pylint-odoo==10.0.12']
let folder: string
const addonsFolder = fileURLToPath(new URL('../../odoo_addons', import.meta.url))

/** Runs a linter; its findings are the error. */
async function lint(...args: string[]) {
  const env = { ...process.env, PYTHONPATH: folder }
  await run('python3', ['-m', ...args], { cwd: addonsFolder, env }).catch(error => {
    assert.fail(`${error.stdout}${error.stderr}`)
  })
}

describe('the code of the addons', () => {
  before(async () => {
    folder = await installPython('lint', linters)
  })

  test('is clean by ruff', () => lint('ruff', 'check', '--no-cache', '.'))

  test('is formatted by ruff', () => lint('ruff', 'format', '--no-cache', '--check', '.'))

  test('is clean by pylint-odoo', () => lint('pylint', '--rcfile=.pylintrc', ...addons))
})
