import type { Page } from 'playwright-core'
import { open } from './browser.ts'

export interface Screen {
  name: string
  show(page: Page): Promise<void>
}

const kki = 'sdmk_integration_kki'
/** Waits until requests and drawing have ended. */
const settleMs = 1200
/** A list, or the cards that Odoo shows on a phone. */
const records = '.o_list_view .o_data_row, .o_kanban_view .o_kanban_record:not(.o_kanban_ghost)'
const groups = '.o_list_view .o_group_header, .o_kanban_view .o_kanban_group'

async function show(page: Page, action: string, ready: string): Promise<void> {
  await open(page, action, ready)
  await page.waitForTimeout(settleMs)
}

async function showRecord(page: Page, model: string, id: number, ready = '.o_form_view'): Promise<void> {
  await page.goto(`/odoo/${model}/${id}`)
  await page.waitForSelector(ready)
  await page.waitForTimeout(settleMs)
}

/** The records that the screens show. */
export interface Shown {
  heldBatch: number
  rejection: number
  worker: number
}

/** The main screens of an operator, in the order of the guide. */
export function mainScreens({ heldBatch, rejection, worker }: Shown): Screen[] {
  return [
    { name: 'dashboard', show: page => show(page, `${kki}.sdmk_dashboard_action`, '.o_sdmk_dashboard canvas') },
    { name: 'batches', show: page => show(page, `${kki}.sdmk_batch_action`, records) },
    {
      name: 'sync-now',
      show: async page => {
        await show(page, `${kki}.sdmk_batch_action`, '.o_list_view .o_data_row')
        await page.click('.o_control_panel .btn-primary')
        await page.waitForSelector('.modal .o_form_view')
        await page.waitForTimeout(settleMs)
      }
    },
    {
      name: 'load-file',
      show: async page => {
        await show(page, `${kki}.sdmk_batch_action`, '.o_list_view .o_data_row')
        await page.click('.o_control_panel .btn-primary + .btn-secondary')
        await page.setInputFiles('#sdmk_file', { name: 'konsil-2026-11.xlsx', mimeType: '', buffer: Buffer.from('PK') })
        await page.fill('#sdmk_file_as_of', '11/11/2026')
        await page.waitForTimeout(settleMs)
      }
    },
    { name: 'held-batch', show: page => showRecord(page, 'sdmk.batch', heldBatch, '.o_sdmk_changes table') },
    { name: 'rejected-rows', show: page => show(page, `${kki}.sdmk_rejection_action`, groups) },
    {
      name: 'rejected-row',
      show: page => showRecord(page, 'sdmk.rejection', rejection, '.o_sdmk_rejection_detail table')
    },
    {
      name: 'resolve',
      show: async page => {
        await showRecord(page, 'sdmk.rejection', rejection, '.o_sdmk_rejection_detail table')
        await page.click('.o_sdmk_comparison td:nth-child(3) button')
        await page.waitForSelector('.modal #sdmk_resolve_reason')
        await page.waitForTimeout(settleMs)
      }
    },
    { name: 'health-worker', show: page => showRecord(page, 'sdmk.health.worker', worker) },
    { name: 'registrations', show: page => show(page, 'sdmk_core.sdmk_registration_action', records) },
    { name: 'outcomes', show: page => show(page, `${kki}.sdmk_batch_outcome_action`, '.o_graph_view canvas') },
    {
      name: 'integration',
      show: async page => {
        await show(page, 'sdmk_integration_manager.sdmk_integration_action', '.o_list_view .o_data_row')
        await page.click('.o_data_row .o_data_cell')
        await page.waitForSelector('.o_form_view')
        await page.waitForTimeout(settleMs)
      }
    },
    {
      name: 'audit-heads',
      show: page => show(page, 'sdmk_integration_manager.sdmk_audit_head_action', '.o_list_view .o_data_row')
    }
  ]
}
