import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPace } from '../../sidecar/source/pace.ts'

const never = new AbortController().signal

test('requests are sent one after the other, a fixed time apart', async () => {
  const takeTurn = createPace(20)
  const started = performance.now()
  const times = await Promise.all(
    Array.from({ length: 4 }, async () => {
      await takeTurn(never)
      return performance.now() - started
    })
  )
  for (const [index, at] of times.entries()) assert.ok(at >= index * 50 - 5, `${index}: ${at}`)
})

test('without a limit no request waits', async () => {
  const takeTurn = createPace(undefined)
  const started = performance.now()
  for (let i = 0; i < 1000; i++) await takeTurn(never)
  assert.ok(performance.now() - started < 1000)
})

test('a wait ends with the reason of its abort signal', async () => {
  const takeTurn = createPace(0.01)
  await takeTurn(never)
  const leaving = new AbortController()
  const waiting = takeTurn(leaving.signal)
  leaving.abort(new Error('left'))
  await assert.rejects(waiting, /left/)
})
