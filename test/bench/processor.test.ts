import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { endedChildrenSeconds, parentOf, treeSeconds } from '../../bench/processor.ts'

/** Runs for a third of a second of processor time, by its own count, and says so. */
const burn = 'while (process.cpuUsage().user < 333_000);'
const inOneProcess = `${burn} console.log('burnt'); process.stdin.resume()`
/** Its child burns and ends before it says so. */
const inAChildThatEnded = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(burn)}])
  console.log('burnt'); process.stdin.resume()`
const inAThread = `new (require('node:worker_threads').Worker)(${JSON.stringify(burn)}, { eval: true })
  .on('exit', () => console.log('burnt')); process.stdin.resume()`

async function burnt(script: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

async function end(child: ChildProcess): Promise<void> {
  child.stdin?.end()
  await once(child, 'exit')
}

for (const [where, script] of Object.entries({
  'a process': inOneProcess,
  'a child that has ended': inAChildThatEnded,
  'a thread': inAThread
})) {
  test(`counts the processor time of ${where}, while it runs and after it has ended`, async () => {
    const before = await endedChildrenSeconds()
    const child = await burnt(script)
    const seconds = await treeSeconds(child.pid as number)
    assert.equal(await parentOf(child.pid as number), process.pid)
    assert.ok(seconds >= 0.3, `${seconds} s`)
    assert.ok((await treeSeconds(process.pid)) >= seconds, 'a child that runs counts for its parent')
    assert.equal(await endedChildrenSeconds(), before, 'it has not ended')
    await end(child)
    assert.ok((await endedChildrenSeconds()) - before >= 0.3)
  })
}

test('reports a missing process instead of a processor time of zero', async () => {
  const child = await burnt('console.log("burnt"); process.stdin.resume()')
  await end(child)
  assert.ok(Number.isNaN(await treeSeconds(child.pid as number)))
})
