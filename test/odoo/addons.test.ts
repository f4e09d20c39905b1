import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, describe, test } from 'node:test'
import type pg from 'pg'
import { withAdmin } from '../../tools/odoo/database.ts'
import { addons, type Odoo, type OdooOutput } from '../../tools/odoo/server.ts'
import { exportTerms } from '../../tools/odoo/terms.ts'
import { odooOrReason } from '../helpers/odoo.ts'
import { serverUrl } from '../helpers/server.ts'

const { odoo, skip } = await odooOrReason()
after(() => odoo?.close())

const database = 'sdmk_odoo_addons'
const complaints = ({ lines }: OdooOutput) =>
  lines.filter(line => / (WARNING|ERROR|CRITICAL) /.test(line) && !/Running as user 'root'/.test(line))

/** The terms of a PO file, without its header. */
const termsOf = (po: string) =>
  po
    .split('\n\n')
    .flatMap(term => /^msgid ((?:".*"\n?)+)/m.exec(term)?.[1]?.trim() ?? [])
    .slice(1)

/** Makes of a database one as the first release left it, with people in it. */
const firstRelease = `
  alter table sdmk_health_worker add column nik_masked varchar;
  alter table sdmk_health_worker drop column has_nik, drop column restricted_at, drop column erased_at;
  insert into sdmk_health_worker (id, version, active, name, nik_masked)
  values (1, 1, true, 'Siti Rekaan', '**************07'), (2, 1, true, 'Budi Rekaan', null), (3, 1, false, null, null);
  insert into ir_config_parameter (key, value)
  values ('sdmk.sidecar.url', 'http://127.0.0.1:9/'), ('sdmk.sidecar.key', 'sdmk_${'k'.repeat(43)}');
  alter table sdmk_audit_head add constraint sdmk_audit_head_seq_hash_uniq unique (seq, hash);
  update ir_module_module set latest_version = '19.0.1.0.0' where name like 'sdmk%' and state = 'installed'
`

describe('the Odoo addons', () => {
  const run = (command: string, ...args: string[]) => (odoo as Odoo).run(database, command, args)

  test('install on a bare Odoo 19 without a warning', { skip, timeout: 1_200_000 }, async () => {
    const output = await run('server', '-i', addons.join())
    assert.equal(output.code, 0, output.lines.slice(-30).join('\n'))
    assert.deepEqual(complaints(output), [])
  })

  test('upgrade a database of the first release, and keep its data but the digits of a NIK', {
    skip,
    timeout: 1_200_000
  }, async () => {
    const inDatabase = async <T>(work: (client: pg.Client) => Promise<T>) =>
      withAdmin(await serverUrl(), work, database)
    await inDatabase(client => client.query(firstRelease))
    const output = await run('server', '-u', addons.join())
    assert.equal(output.code, 0, output.lines.slice(-30).join('\n'))
    assert.deepEqual(complaints(output), [])
    const found = await inDatabase(async client => ({
      people: (await client.query('select name, has_nik from sdmk_health_worker order by id')).rows,
      columns: (
        await client.query(
          `select column_name as name from information_schema.columns where table_name = 'sdmk_health_worker'
          and column_name in ('nik_masked', 'has_nik', 'restricted_at', 'erased_at') order by 1`
        )
      ).rows.map(({ name }) => name),
      parameters: (
        await client.query(`select key, value from ir_config_parameter where key like 'sdmk.sidecar.%' order by key`)
      ).rows.map(({ key, value }) => `${key} ${value}`),
      constraints: (await client.query(`select from pg_constraint where conname = 'sdmk_audit_head_seq_hash_uniq'`))
        .rowCount
    }))
    assert.deepEqual(found, {
      people: [
        { name: 'Siti Rekaan', has_nik: true },
        { name: 'Budi Rekaan', has_nik: false },
        { name: null, has_nik: null }
      ],
      columns: ['erased_at', 'has_nik', 'restricted_at'],
      parameters: [
        'sdmk.sidecar.allowed_urls http://127.0.0.1:9',
        `sdmk.sidecar.key sdmk_${'k'.repeat(43)}`,
        'sdmk.sidecar.key_of http://127.0.0.1:9',
        'sdmk.sidecar.url http://127.0.0.1:9'
      ],
      constraints: 0
    })
    await inDatabase(client =>
      client.query(`delete from sdmk_health_worker; delete from ir_config_parameter where key like 'sdmk.sidecar.%'`)
    )
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

  test('have all terms in Indonesian', { skip, timeout: 1_200_000 }, async () => {
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

  test('are uninstalled completely', { skip, timeout: 1_200_000 }, async () => {
    const output = await run('module', 'uninstall', ...addons)
    assert.equal(output.code, 0, output.lines.slice(-30).join('\n'))
    assert.deepEqual(complaints(output), [])
  })
})
