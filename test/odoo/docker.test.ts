import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { dockerEngine } from '../../tools/odoo/docker.ts'
import { temporaryFolder } from '../e2e/helpers.ts'
import { until } from '../e2e/process.ts'

/** Puts a `docker` first on the path that runs the script. */
async function fakeDocker(t: TestContext, script: string): Promise<void> {
  const folder = await temporaryFolder(t)
  const file = path.join(folder, 'docker')
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
  const before = process.env.PATH
  process.env.PATH = `${folder}:${before}`
  t.after(() => {
    process.env.PATH = before
  })
}

test('without a working Docker no container is started', async t => {
  await fakeDocker(t, 'echo "Cannot connect to the Docker daemon" >&2; exit 1')
  assert.equal(await dockerEngine(), null)
})

test('a container gets the folder under its own path, and is removed when it does not heed a signal', async t => {
  const log = path.join(await temporaryFolder(t), 'log')
  // Calls are printed on standard output; `rm` is written into a file, because nobody reads its output.
  await fakeDocker(t, `case $1 in version) echo 28;; run) echo "$*"; cat;; rm) echo "$*" > ${log};; esac`)
  const engine = await dockerEngine()
  assert.ok(engine)
  const { child, kill } = engine.start('/some/folder', 8070, ['shell', '-c', '/some/folder/odoo.conf'])
  child.stdin?.end('print(1)')
  const [output] = await Promise.all([text(child.stdout as NodeJS.ReadableStream), once(child, 'exit')])
  assert.match(output, /--volume \/some\/folder:\/some\/folder /)
  assert.match(output, /--entrypoint odoo odoo:19 shell -c \/some\/folder\/odoo\.conf\n/)
  assert.match(output, process.platform === 'linux' ? /--network host/ : /--publish 127\.0\.0\.1:8070:8070/)
  assert.match(output, /print\(1\)$/, 'a script goes in by standard input')
  kill()
  const name = /--name (\S+)/.exec(output)?.[1]
  await until('the container is removed', async () => (await readFile(log, 'utf8').catch(() => '')) !== '', 5000)
  assert.equal(await readFile(log, 'utf8'), `rm --force ${name}\n`)
})
