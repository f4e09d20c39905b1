import assert from 'node:assert/strict'
import { access, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import packageJson from '../../package.json' with { type: 'json' }
import { createProgram } from '../../sidecar/cli/program.ts'
import { variables } from '../../sidecar/environment.ts'
import { readText, root, run } from './helpers.ts'

const folder = path.join(root, 'deploy/systemd')
const units = (await readdir(folder)).sort()
const known = variables.map(([name]) => String(name))

/** Returns the values of a setting; one may be given several times. */
function valuesOf(unit: string, setting: string): string[] {
  return [...unit.matchAll(new RegExp(`^${setting}=(.*)$`, 'gm'))].map(([, value]) => value ?? '')
}

/** Copies a unit with the path of this machine's Node. A template unit gets the name of an instance. */
async function installable(t: TestContext, name: string): Promise<string> {
  const target = await mkdtemp(path.join(os.tmpdir(), 'sdmk-systemd-'))
  t.after(() => rm(target, { recursive: true, force: true }))
  const text = (await readText(`deploy/systemd/${name}`)).replaceAll('/opt/node/bin/node', process.execPath)
  const file = path.join(target, name.replace('@.', '@sdmk-service.'))
  await writeFile(file, text)
  return file
}

async function whyNoSystemd(): Promise<string | false> {
  return run('systemd-analyze', ['--version']).then(
    () => false,
    () => 'no systemd-analyze on this machine'
  )
}

describe('systemd units', { concurrency: true }, async () => {
  const skip = await whyNoSystemd()
  for (const name of units) {
    test(`${name} can write nothing, and gains no rights`, async () => {
      const unit = await readText(`deploy/systemd/${name}`)
      assert.deepEqual(valuesOf(unit, 'NoNewPrivileges'), ['yes'])
      assert.deepEqual(valuesOf(unit, 'ProtectSystem'), ['strict'])
      assert.deepEqual(valuesOf(unit, 'CapabilityBoundingSet'), [''])
      assert.doesNotMatch(valuesOf(unit, 'User').join(), /^(root)?$/)
    })

    test(`${name} keeps its memory out of core files, swap and debuggers`, async () => {
      const unit = await readText(`deploy/systemd/${name}`)
      assert.deepEqual(valuesOf(unit, 'LimitCORE'), ['0'])
      assert.deepEqual(valuesOf(unit, 'MemorySwapMax'), ['0'])
      assert.match(valuesOf(unit, 'ExecStart').join(), /^\S+node --disable-sigusr1 /)
    })

    test(`${name} calls an existing command with existing settings`, async () => {
      const unit = await readText(`deploy/systemd/${name}`)
      const [commandLine = ''] = valuesOf(unit, 'ExecStart')
      const [, script, command] =
        /^\/opt\/node\/bin\/node (?:--\S+ )*(\S+) (\S+)(?: --grant-to sdmk_service)?$/.exec(commandLine) ?? []
      await access(path.join(root, script ?? ''))
      assert.ok(
        createProgram().commands.some(item => item.name() === command),
        commandLine
      )
      const names = valuesOf(unit, 'Environment').flatMap(text => text.split(' ').map(item => item.split('=')[0] ?? ''))
      for (const item of names) if (/^(SDMK|KKI)_/.test(item)) assert.ok(known.includes(item), item)
    })

    test(`${name} is a unit that systemd accepts`, { skip }, async t => {
      const { stderr } = await run('systemd-analyze', ['verify', '--man=no', await installable(t, name)])
      // An unknown setting is reported, but is not an error.
      assert.equal(stderr, '')
    })
  }

  test('only the migration uses the login of the database’s owner', async () => {
    const [migrate, service] = await Promise.all(
      ['kki-connector-migrate.service', 'kki-connector@.service'].map(name => readText(`deploy/systemd/${name}`))
    )
    const filesOf = (unit: string) =>
      [...valuesOf(unit, 'LoadCredential'), ...valuesOf(unit, 'EnvironmentFile')].map(text => text.split(':').at(-1))
    const [ofMigrate, ofService] = [filesOf(migrate ?? ''), filesOf(service ?? '')]
    assert.deepEqual(
      ofMigrate.filter(file => ofService.includes(file)),
      [],
      'they share no file with a login'
    )
    assert.ok(ofMigrate.includes('/etc/sdmk/credentials/database-owner-password'))
    assert.match(valuesOf(migrate ?? '', 'ExecStart').join(), / migrate --grant-to sdmk_service$/)
    assert.notEqual(valuesOf(migrate ?? '', 'User').join(), 'sdmk-service')
    const page = await readText('docs/operate/installation.md')
    for (const file of [...ofMigrate, ...ofService]) {
      const name = (file ?? '').replace('/etc/sdmk/', '').replace('%i', 'etl-kki-service')
      assert.ok(page.includes(`\`${name}\``), `docs/operate/installation.md names ${name}`)
    }
  })

  test('the services run the command of npm start', async () => {
    const unit = await readText('deploy/systemd/kki-connector@.service')
    const allocation = valuesOf(unit, 'Environment').find(text => text.startsWith('MALLOC_'))
    const command = valuesOf(unit, 'ExecStart')[0]?.replace('/opt/node/bin/', '')
    assert.equal(`${allocation} ${command}`, packageJson.scripts.start)
  })
})
