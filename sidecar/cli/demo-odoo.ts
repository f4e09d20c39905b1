import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import type { Logger } from 'pino'
import type { OdooCounts } from '../../tools/odoo/counts.ts'
import { renewApiKey } from '../api/api-keys.ts'
import { SdmkError } from '../errors.ts'
import type { Service } from '../main.ts'
import { scopes } from '../platform/scopes.ts'
import { asOwner } from './as-owner.ts'
import { commandCaller } from './command.ts'

/** A part of the demo does not start or does not answer. */
export class DemoFailed extends SdmkError {
  readonly code = 'SDMK_DEMO_FAILED'
}

const pollMs = 300
/** If no job is completed within this time, something is broken and waiting does not help. */
const patienceMs = 60_000
const keyName = 'demo-odoo'

export interface DemoOdoo {
  /** Settings of the sidecar for this Odoo. */
  env: Record<string, string>
  /** Stores the credentials on both sides. */
  connect(service: Service): Promise<void>
  /** Returns the numbers of records in Odoo. */
  count(): Promise<OdooCounts>
  /** Address and logins, for people. */
  render(): string
  close(): Promise<void>
}

/** Returns a running Odoo that keeps its data next to the demo's. @throws OdooUnavailable, OdooBusy */
export async function startDemoOdoo(dataDir: string, logger: Logger): Promise<DemoOdoo> {
  // Imported on demand, because the production package does not contain this folder.
  const { openDeveloperOdoo } = await import('../../tools/odoo/developer.ts')
  const { connectSidecar } = await import('../../tools/odoo/connect.ts')
  const { readCounts } = await import('../../tools/odoo/counts.ts')
  const { defaultPort, freePort } = await import('../../tools/odoo/ports.ts')
  const { renderLogins } = await import('../../tools/odoo/render.ts')
  console.error('Starting Odoo …')
  const odoo = await openDeveloperOdoo({ dataDir, logger, say: console.error })
  try {
    const url = await odoo.serve(await freePort(defaultPort))
    return {
      env: { SDMK_ODOO_URL: url, SDMK_ODOO_DATABASE: odoo.database },
      async connect({ ownerUrl, url: sidecarUrl }) {
        const { key } = await asOwner(ownerUrl, logger, client => renewApiKey(client, keyName, scopes, commandCaller()))
        await connectSidecar(odoo, { url: sidecarUrl ?? '', key })
      },
      count: () => readCounts(odoo),
      render: () => renderLogins(odoo, url),
      close: odoo.close
    }
  } catch (error) {
    await odoo.close()
    throw error
  }
}

/** Waits until all changes were sent to Odoo. @throws the signal's reason when it is aborted */
export async function untilOdooIsTold(pool: pg.Pool, signal?: AbortSignal): Promise<void> {
  let fewest = Number.POSITIVE_INFINITY
  let until = Date.now() + patienceMs
  for (;;) {
    const { rows } = await pool.query<{ pending: number }>(
      `select count(*) as pending from pgboss.job where name in ('odoo-state', 'odoo-people') and state < 'completed'`
    )
    const pending = rows[0]?.pending ?? 0
    if (pending === 0) return
    if (pending < fewest) {
      fewest = pending
      until = Date.now() + patienceMs
    }
    if (Date.now() > until) throw new DemoFailed(`Odoo accepts no changes from the sidecar; pending jobs: ${pending}`)
    await wait(pollMs, undefined, signal ? { signal } : {})
  }
}

/** Returns the numbers of records that Odoo should have. */
export async function countRegistry(pool: pg.Pool): Promise<OdooCounts> {
  const { rows } = await pool.query<OdooCounts>(
    `select
      (select count(*) from sdmk.health_worker) as "healthWorkers",
      (select count(*) from sdmk.registration) as registrations,
      (select count(*) from kki.batch) as batches,
      (select count(*) from kki.rejection) as rejections`
  )
  return rows[0] as OdooCounts
}
