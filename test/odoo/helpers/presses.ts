import type { Page } from 'playwright-core'

const counter = 'sdmkPressed'

/** Runs in the page. A text that is typed in one go counts once; a choice in a list counts as opening it and choosing. */
const script = `(() => {
  let typing = null
  addEventListener('pointerdown', event => {
    if (!event.isTrusted) return
    typing = null
    ${counter}(1)
  }, true)
  addEventListener('keydown', event => {
    if (!event.isTrusted || event.repeat || ['Alt', 'Control', 'Meta', 'Shift'].includes(event.key)) return
    const isText = event.key.length === 1 && !event.altKey && !event.ctrlKey && !event.metaKey
    const isGoingOn = isText && typing === event.target
    typing = isText ? event.target : null
    if (!isGoingOn) ${counter}(1)
  }, true)
  addEventListener('change', event => event.target.tagName === 'SELECT' && ${counter}(2), true)
})()`

/**
 * Counts the user's actions in this page from now on: clicks, keys, and each text once. It continues when the page opens other
 * URLs. `fill` sends no keys, so tests must type with the keyboard.
 */
export async function countPresses(page: Page): Promise<{ take(): number }> {
  let presses = 0
  await page.exposeFunction(counter, (more: number) => {
    presses += more
  })
  await page.addInitScript(script)
  await page.reload()
  return {
    /** Returns the number since the last call. */
    take() {
      const taken = presses
      presses = 0
      return taken
    }
  }
}
