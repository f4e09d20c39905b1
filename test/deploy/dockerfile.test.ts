import assert from 'node:assert/strict'
import { access } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import { DockerfileParser, type From, type Healthcheck } from 'dockerfile-ast'
import packageJson from '../../package.json' with { type: 'json' }
import { buildApp } from '../../sidecar/app.ts'
import { loadConfig } from '../../sidecar/config.ts'
import { silent } from '../helpers/server.ts'
import { readText, root } from './helpers.ts'
import { imageOf, sourcesOf } from './image.ts'

const dockerfile = DockerfileParser.parse(await readText('Dockerfile'))
const image = imageOf(dockerfile)

describe('Dockerfile', { concurrency: true }, () => {
  test('copies existing files, and sends nothing else to the builder', async () => {
    const sources = sourcesOf(dockerfile)
    for (const source of sources) await access(path.join(root, source))
    const [first, ...others] = (await readText('.dockerignore'))
      .split('\n')
      .filter(line => line && !line.startsWith('#'))
    assert.equal(first, '*')
    assert.deepEqual(new Set(others), new Set(sources.map(source => `!${source}`)))
  })

  test('is built on the Node of this repository, pinned', async () => {
    const froms = dockerfile.getFROMs().map((from: From) => from.getImage())
    const major = (await readText('.nvmrc')).trim()
    assert.equal(new Set(froms).size, 1, 'both stages are the same')
    assert.match(froms[0] ?? '', new RegExp(`^node:${major}\\.\\d+\\.\\d+-[a-z]+-slim$`))
  })

  test('runs the command of npm start, as an unprivileged user', () => {
    assert.equal(image.user, '1000:1000')
    const { NODE_ENV, SDMK_HOST, SDMK_PORT, ...allocation } = image.environment
    assert.deepEqual([NODE_ENV, SDMK_HOST, SDMK_PORT], ['production', '0.0.0.0', '8080'])
    const start = [
      ...Object.entries(allocation).map(([name, value]) => `${name}=${value}`),
      ...image.entrypoint,
      ...image.command
    ]
    assert.equal(start.join(' '), packageJson.scripts.start)
  })

  test('its health check uses an existing route', async () => {
    const [check] = dockerfile.getInstructions().filter(item => item.getKeyword() === 'HEALTHCHECK') as [Healthcheck]
    const address = /fetch\(`http:\/\/127\.0\.0\.1:\$\{process\.env\.SDMK_PORT\}(\/[a-z]+)`\)/.exec(
      check.getTextContent()
    )
    const app = await buildApp(loadConfig({}, { talksToKki: false }), { withoutServices: true, logger: silent })
    assert.ok(app.hasRoute({ method: 'GET', url: address?.[1] ?? '' }), check.getTextContent())
    await app.close()
  })
})
