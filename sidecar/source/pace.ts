import timers from 'node:timers/promises'

/**
 * Returns what waits until a request may be sent, so that no more than `perSecond` are; without a number it never waits.
 * Requests go in the order of asking. It throws the reason of an aborted signal.
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
      // The timer rejects with an AbortError of its own; callers get the reason that they gave.
      signal.throwIfAborted()
      throw error
    }
  }
}
