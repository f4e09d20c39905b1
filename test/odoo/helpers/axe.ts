import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

const script = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What our addons show: the action, and dialogs above it. The bar at the top is Odoo's alone. */
const ours = ['.o_action_manager', '.o_dialog', '.modal']

/** Findings in Odoo 19's own parts, each with the reason to ignore it. */
const odoos: { rule: string; selector: string; reason: string }[] = []

/** Serious and critical findings on the present page, one line each. */
export async function findings(page: Page): Promise<string[]> {
  // Into the page's own world: an import of it would be refused by no policy, but fetched by the page.
  await page.evaluate(script)
  const { violations } = await page.evaluate<AxeResults>(`axe.run(
    { include: ${JSON.stringify(ours)}.filter(selector => document.querySelector(selector)) },
    { resultTypes: ['violations'], rules: { 'page-has-heading-one': { enabled: false } } }
  )`)
  const found: string[] = []
  for (const { id, impact, nodes } of violations) {
    if (impact !== 'serious' && impact !== 'critical') continue
    for (const { target, html } of nodes) {
      const place = target.flat().join(' ')
      const selectors = odoos.filter(({ rule }) => rule === id).map(({ selector }) => selector)
      const isOdoos = await page.evaluate(
        `${JSON.stringify(selectors)}.some(selector => document.querySelector(${JSON.stringify(place)})?.closest(selector))`
      )
      if (!isOdoos) found.push(`${impact} ${id}: ${place} ${html.slice(0, 160)}`)
    }
  }
  return found
}

/** Fails with what keeps people from using the page, where that is our doing. */
export async function assertAccessible(page: Page, name: string): Promise<void> {
  assert.deepEqual(await findings(page), [], `axe-core on ${name}`)
}
