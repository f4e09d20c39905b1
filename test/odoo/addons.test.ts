import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { OdooUnavailable } from '../../tools/odoo/install.ts'
import { addons, createOdoo, type Odoo, type OdooOutput } from '../../tools/odoo/server.ts'
import { serverUrl } from '../helpers/server.ts'

const isCi = process.env.CI === 'true'
let odoo: Odoo | undefined
let reason = ''
try {
  odoo = await createOdoo(await serverUrl())
} catch (error) {
  // In CI an Odoo must be had; elsewhere the tests are told to be skipped, and why.
  if (isCi || !(error instanceof OdooUnavailable)) throw error
  reason = `no Odoo: ${error.message}`
}
after(() => odoo?.close())

const database = 'sdmk_odoo_addons'
const complaints = ({ lines }: OdooOutput) =>
  lines.filter(line => / (WARNING|ERROR|CRITICAL) /.test(line) && !/Running as user 'root'/.test(line))

describe('the Odoo addons', { skip: reason || false }, () => {
  const run = (command: string, ...args: string[]) => (odoo as Odoo).run(database, command, args)

  test('install on a bare Odoo 19 without a warning', { timeout: 300_000 }, async () => {
    const output = await run('server', '-i', addons.join())
    assert.equal(output.code, 0, output.lines.slice(-30).join('\n'))
    assert.deepEqual(complaints(output), [])
  })

  test('pass their own tests, none of them skipped', { timeout: 300_000 }, async () => {
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

  test('are removed without a trace', { timeout: 300_000 }, async () => {
    const output = await run('module', 'uninstall', ...addons)
    assert.equal(output.code, 0, output.lines.slice(-30).join('\n'))
    assert.deepEqual(complaints(output), [])
  })
})
