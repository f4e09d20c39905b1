import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, describe, test } from 'node:test'
import { addons, type Odoo, type OdooOutput } from '../../tools/odoo/server.ts'
import { exportTerms } from '../../tools/odoo/terms.ts'
import { odooOrReason } from '../helpers/odoo.ts'

const { odoo, skip } = await odooOrReason()
after(() => odoo?.close())

const database = 'sdmk_odoo_addons'
const complaints = ({ lines }: OdooOutput) =>
  lines.filter(line => / (WARNING|ERROR|CRITICAL) /.test(line) && !/Running as user 'root'/.test(line))

/** What a PO file has terms for, its head left out. */
const termsOf = (po: string) =>
  po
    .split('\n\n')
    .flatMap(term => /^msgid ((?:".*"\n?)+)/m.exec(term)?.[1]?.trim() ?? [])
    .slice(1)

describe('the Odoo addons', () => {
  const run = (command: string, ...args: string[]) => (odoo as Odoo).run(database, command, args)

  test('install on a bare Odoo 19 without a warning', { skip, timeout: 1_200_000 }, async () => {
    const output = await run('server', '-i', addons.join())
    assert.equal(output.code, 0, output.lines.slice(-30).join('\n'))
    assert.deepEqual(complaints(output), [])
  })

  test('pass their own tests, none of them skipped', { skip, timeout: 1_200_000 }, async () => {
    const output = await run('server', '-u', addons.join(), '--test-tags', addons.map(name => `/${name}`).join())
    assert.equal(output.code, 0, output.lines.filter(line => /ERROR|FAIL|Error/.test(line)).join('\n'))
    const summary = output.lines.find(line => /\d+ failed, \d+ error\(s\) of \d+ tests/.test(line)) ?? ''
    assert.match(summary, / 0 failed, 0 error\(s\) of [1-9]\d* tests/)
    assert.deepEqual(
      output.lines.filter(line => /skipped/i.test(line)),
      []
    )
    assert.deepEqual(complaints(output), [])
  })

  test('have all of their terms in Indonesian', { skip, timeout: 1_200_000 }, async () => {
    const loaded = await run('server', '--load-language', 'id_ID')
    assert.equal(loaded.code, 0, loaded.lines.slice(-30).join('\n'))
    assert.deepEqual(complaints(loaded), [])
    for (const addon of addons) {
      const folder = new URL(`../../odoo_addons/${addon}/i18n/`, import.meta.url)
      const committed = await readFile(new URL(`${addon}.pot`, folder), 'utf8')
      assert.equal(committed, await exportTerms(odoo as Odoo, database, addon, 'pot'), 'run node tools/odoo/terms.ts')
      const indonesian = await readFile(new URL('id.po', folder), 'utf8')
      assert.deepEqual(termsOf(indonesian), termsOf(committed))
      assert.doesNotMatch(indonesian.split('\n\n').slice(1).join('\n\n'), /msgstr ""$(?!\n")/m)
    }
  })

  test('are removed without a trace', { skip, timeout: 1_200_000 }, async () => {
    const output = await run('module', 'uninstall', ...addons)
    assert.equal(output.code, 0, output.lines.slice(-30).join('\n'))
    assert.deepEqual(complaints(output), [])
  })
})
