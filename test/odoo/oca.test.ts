import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { addons } from '../../tools/odoo/server.ts'
import { installPython } from '../helpers/python.ts'

interface Hook {
  id: string
  entry: string
  args?: string[]
  additional_dependencies?: string[]
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const { repos } = parse(readFileSync(`${root}.pre-commit-config.yaml`, 'utf8')) as { repos: { hooks: Hook[] }[] }
const hooks = new Map(repos.flatMap(repo => repo.hooks.map(hook => [hook.id, hook])))
const packages = [...new Set([...hooks.values()].flatMap(hook => hook.additional_dependencies ?? []))]

describe('the addons as OCA has them', () => {
  const run = promisify(execFile)
  let folder: string

  /** Runs a hook of the configuration on these files; its findings are the error. */
  async function runHook(id: string, files: readonly string[]) {
    const { entry, args = [] } = hooks.get(id) as Hook
    const [program = '', ...rest] = entry.split(' ')
    const file = program === 'python3' ? rest : [`${folder}/bin/${program}`, ...rest]
    const env = { ...process.env, PYTHONPATH: folder }
    await run('python3', [...file, ...args, ...files], { cwd: root, env, timeout: 600_000 }).catch(error => {
      assert.fail(`${error.stdout}${error.stderr}`)
    })
  }

  before(async () => {
    folder = await installPython(
      'oca',
      packages.filter(name => /^(docutils|oca-)/.test(name))
    )
  })

  test('pass OCA’s checks', () =>
    runHook(
      'oca-checks-odoo-module',
      addons.map(addon => `odoo_addons/${addon}/__manifest__.py`)
    ))

  test('have translations that pass OCA’s checks', () =>
    runHook(
      'oca-checks-po',
      addons.flatMap(addon => [`odoo_addons/${addon}/i18n/id.po`, `odoo_addons/${addon}/i18n/${addon}.pot`])
    ))

  test('have a README and a description that match their fragments', () => runHook('addon-readme', ['--check']))

  test('have fragments, a description and an icon', () => {
    for (const addon of addons) {
      for (const file of [
        'readme/DESCRIPTION.rst',
        'readme/CONFIGURE.rst',
        'readme/USAGE.rst',
        'static/description/icon.png',
        'static/description/index.html'
      ]) {
        assert.ok(existsSync(`${root}odoo_addons/${addon}/${file}`), `${addon}/${file}`)
      }
    }
  })

  test('are checked before a commit by the versions that the tests have', () => {
    const tests = readFileSync(`${root}test/odoo/lint.test.ts`, 'utf8')
    assert.ok(packages.length >= 4)
    for (const name of packages.filter(one => !/^(docutils|oca-)/.test(one)))
      assert.ok(tests.includes(`'${name}'`), name)
  })
})
