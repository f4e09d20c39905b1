import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

const module = new URL('../../sidecar/platform/small-heap.ts', import.meta.url).href

/** Holds pages of rows for a while, as a batch that is read does, and prints the most that the heap has had, in MB. */
const work = `
  const { keepHeapSmall } = await import(process.argv[1])
  if (process.argv[2] === 'small') keepHeapSmall()
  const kept = Array.from({ length: 400_000 }, (_, i) => ({ text: 'row ' + i }))
  const pages = []
  let most = 0
  for (let page = 0; page < 600; page++) {
    pages[page % 10] = Array.from({ length: 5000 }, (_, i) => ({ text: page + ' ' + i }))
    most = Math.max(most, process.memoryUsage().heapTotal)
  }
  console.log(Math.round(most / 2 ** 20), kept.length)
`

async function mostMb(kind: 'small' | 'usual'): Promise<number> {
  const args = ['--max-semi-space-size=2', '--input-type=module', '--eval', work, module, kind]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return Number(stdout.split(' ')[0])
}

test('the heap of a busy process stays near the size of its data', async () => {
  const [small, usual] = [await mostMb('small'), await mostMb('usual')]
  assert.ok(small < usual * 0.75, `${small} MB in place of ${usual} MB`)
})
