import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryFolder } from './helpers.ts'
import { runSdmk } from './process.ts'

test('the demo imports its people, and a second one on the same data changes nothing', async t => {
  const dataDir = await temporaryFolder(t)
  const demo = async () => {
    const { code, stdout, stderr } = await runSdmk(['demo', '--exit', '--rows', '3000', '--own', '600'], {
      SDMK_DATA_DIR: dataDir,
      SDMK_PORT: '0'
    })
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Record<string, number>
  }
  const first = await demo()
  assert.deepEqual(Object.keys(first), [
    'fetched',
    'created',
    'linked',
    'updated',
    'unchanged',
    'superseded',
    'rejected',
    'deactivated',
    'seconds'
  ])
  assert.equal(first.fetched, 3000)
  assert.ok((first.linked as number) > 200, 'KKI lists people of SDMK')
  const second = await demo()
  const { created, linked, updated, superseded, rejected } = second
  assert.deepEqual(
    { created, linked, updated, superseded, rejected },
    { created: 0, linked: 0, updated: 0, superseded: 0, rejected: first.rejected }
  )
  assert.equal(second.unchanged, 3000 - (first.rejected as number))
})
