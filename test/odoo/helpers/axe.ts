import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

const script = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What our addons show: the action, and dialogs above it. The bar at the top is Odoo's alone. */
const ours = ['.o_action_manager', '.o_dialog', '.modal']

/** Findings in Odoo 19's own parts, each with the part that it is in. */
const odoos: { rule: string; selector: string; reason: string }[] = [
  { rule: 'aria-allowed-attr', selector: '.o_searchview', reason: 'roles of the search bar' },
  { rule: 'aria-required-parent', selector: '.o_searchview', reason: 'roles of the search bar' },
  { rule: 'aria-command-name', selector: '.o_searchview', reason: 'icons of the search bar' },
  { rule: 'role-img-alt', selector: '.o_searchview', reason: 'icons of the search bar' },
  { rule: 'button-name', selector: '.o_list_table thead, .o_list_actions_header', reason: 'the choice of columns' },
  { rule: 'label', selector: '.o_list_record_selector', reason: 'the box that selects a row of a list' },
  { rule: 'label', selector: '.o-checkbox', reason: 'a box whose label Odoo puts next to it, or above its column' },
  { rule: 'label', selector: '.o_field_percentage', reason: 'a share, whose label Odoo does not tie to it' },
  { rule: 'aria-allowed-attr', selector: '.o-autocomplete--input', reason: 'the field that looks up records' },
  { rule: 'aria-allowed-attr', selector: '.o_field_selection', reason: 'the field that chooses from a list' },
  { rule: 'autocomplete-valid', selector: '.o_select_menu_input', reason: 'the field that chooses from a list' },
  { rule: 'aria-required-parent', selector: '.o_notebook', reason: 'tabs of a form' },
  { rule: 'button-name', selector: '.o_field_CopyClipboardChar', reason: 'the button that copies a value' },
  { rule: 'button-name', selector: '.o_control_panel', reason: 'the choice of views and the search, on a phone' },
  { rule: 'aria-dialog-name', selector: '.modal', reason: 'every dialog: its heading is not tied to it' }
]

/** Serious and critical findings on the present page, one line each. */
export async function findings(page: Page): Promise<string[]> {
  // Into the page's own world: the page would fetch an import of it.
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

/** Fails with the accessibility faults of the page that our code causes. */
export async function assertAccessible(page: Page, name: string): Promise<void> {
  assert.deepEqual(await findings(page), [], `axe-core on ${name}`)
}
