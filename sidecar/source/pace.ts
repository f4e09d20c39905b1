import timers from 'node:timers/promises'

/**
 * Returns a function that waits until a request may be sent, so that at most `perSecond` are sent per second; without a
 * number it never waits. Requests keep their order. It throws the reason of an aborted signal.
 */
export function createPace(perSecond: number | undefined): (signal: AbortSignal) => Promise<void> {
  if (perSecond === undefined) return async () => {}
  const gapMs = 1000 / perSecond
  let next = 0
  return async signal => {
    signal.throwIfAborted()
    const now = performance.now()
    const turn = Math.max(now, next)
    next = turn + gapMs
    if (turn <= now) return
    try {
      await timers.setTimeout(turn - now, undefined, { signal })
    } catch (error) {
      // The timer rejects with its own AbortError; callers get the reason of their signal.
      signal.throwIfAborted()
      throw error
    }
  }
}
