import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import packageJson from '../../package.json' with { type: 'json' }
import { temporaryFolder } from '../e2e/helpers.ts'
import { root, run } from './helpers.ts'

test('without an engine npm run compose:smoke says so and ends with a separate exit code', async t => {
  const folder = await temporaryFolder(t)
  const docker = path.join(folder, 'docker')
  await writeFile(docker, '#!/bin/sh\necho "Cannot connect to the Docker daemon" >&2; exit 1\n')
  await chmod(docker, 0o755)
  const [program = '', ...args] = packageJson.scripts['compose:smoke'].split(' ')
  assert.equal(program, 'node')
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
  await assert.rejects(run(process.execPath, args, { cwd: root, env }), {
    code: 69,
    stderr: /There is no container engine/
  })
})
