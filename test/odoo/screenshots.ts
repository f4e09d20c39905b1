/** Takes the pictures of the operators' guide, in both languages, with invented people: `npm run screenshots`. */
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createOdoo } from '../../tools/odoo/server.ts'
import { serverUrl } from '../helpers/server.ts'
import { signIn, startBrowser } from './helpers/browser.ts'
import { type Operations, startOperations } from './helpers/operators.ts'
import { mainScreens } from './helpers/screens.ts'
import { tellStory } from './helpers/story.ts'

const folder = fileURLToPath(new URL('../../docs/operators/images', import.meta.url))
const languages = { en: 'admin', id: 'adminInIndonesian' } as const
/** Days before today that the pictures show runs of; the first load lies further back than they look. */
const days = 9
const firstLoadDaysAgo = 20

const odoo = await createOdoo(await serverUrl())
after(() => odoo.close())

test('the main screens are pictured', { timeout: 600_000 }, async t => {
  const operations = await startOperations(t, odoo, {
    database: 'sdmk_screenshots',
    rows: 4000,
    brokenShare: 0.02,
    behindSeconds: days * 86_400,
    env: { KKI_CLOCK_TOLERANCE: String((days + 1) * 86_400) }
  })
  await tellHistory(t, operations)
  const shown = await tellStory(operations)
  const browser = await startBrowser()
  t.after(() => browser.close())
  for (const [language, who] of Object.entries(languages)) {
    const page = await signIn(browser, operations, who)
    await mkdir(path.join(folder, language), { recursive: true })
    for (const screen of mainScreens(shown)) {
      await screen.show(page)
      await page.screenshot({ path: path.join(folder, language, `${screen.name}.png`) })
    }
  }
})

/** A run for each of the last days. They are all of this minute; the pictures have them a day apart, as they would be. */
async function tellHistory(t: TestContext, { connector, settle }: Operations): Promise<void> {
  await connector.run({ mode: 'full' })
  await shiftBack(connector, firstLoadDaysAgo)
  for (let day = days; day > 0; day--) {
    const { changed } = connector.simulator.newDay(0.02)
    t.diagnostic(`${changed} rows changed`)
    await connector.run({})
    await shiftBack(connector, day)
  }
  // Rows that were only changed in the table are sent again.
  await connector.app.database.withTransaction(async client => {
    const { rows } = await client.query<{ id: number }>('select id from kki.batch')
    await connector.app.queue.sendMany('odoo-state', [{ batches: rows.map(({ id }) => id) }], client)
  })
  await settle()
}

async function shiftBack({ pool }: Operations['connector'], back: number): Promise<void> {
  await pool.query(
    `update kki.batch set created_at = created_at - shift, fetch_started_at = fetch_started_at - shift,
      fetched_at = fetched_at - shift, planned_at = planned_at - shift, finished_at = finished_at - shift,
      version = version + 1
    from (select make_interval(days => $1) as shift) s where created_at > now() - interval '12 hours'`,
    [back]
  )
}
