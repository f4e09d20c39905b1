import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import packageJson from '../../package.json' with { type: 'json' }

const root = new URL('../../', import.meta.url)
const read = (file: string) => readFileSync(new URL(file, root), 'utf8')

interface Job {
  'timeout-minutes'?: number
  steps: { run?: string; uses?: string }[]
}

describe('the workflow of the repository', () => {
  const { jobs } = parse(read('.github/workflows/ci.yml')) as { jobs: Record<string, Job> }
  const commands = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []))

  test('runs the command that each change must pass, and the containers', () => {
    assert.ok(commands.includes('.ci/run'))
    assert.ok(statSync(new URL('.ci/run', root)).mode & 0o111)
    assert.ok(commands.includes('npm run compose:smoke'))
  })

  test('calls scripts that exist', () => {
    const called = commands.flatMap(command => [...command.matchAll(/npm run (?:--silent )?([\w:]+)/g)])
    assert.ok(called.length >= 2)
    for (const [, script] of called) assert.ok(script && script in packageJson.scripts, script)
  })

  test('ends each job after a limit', () => {
    for (const [name, job] of Object.entries(jobs)) assert.ok(job['timeout-minutes'], name)
  })
})

test('forms for issues ask for no personal data and can be read', () => {
  const folder = new URL('.github/ISSUE_TEMPLATE/', root)
  for (const file of readdirSync(folder)) assert.ok(parse(readFileSync(new URL(file, folder), 'utf8')), file)
  assert.match(read('.github/ISSUE_TEMPLATE/bug.yml'), /no personal data/)
  assert.ok(existsSync(new URL('.github/pull_request_template.md', root)))
})
