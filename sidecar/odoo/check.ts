import { randomUUID } from 'node:crypto'
import { emptyTables } from './contracts.ts'
import { OdooDenied, OdooUnavailable } from './errors.ts'
import type { OdooLink } from './link.ts'
import type { Payload } from './payloads.ts'

/** Shorter than a browser waits for the answer. */
const timeoutMs = 10_000

/** Result of a test call to Odoo, with texts for operators. */
export interface OdooCheck {
  isFine: boolean
  en: string[]
  id: string[]
}

const texts = {
  fine: {
    en: 'The sidecar can write to Odoo.',
    id: 'Sidecar dapat menulis ke Odoo.'
  },
  account: {
    en: 'Odoo does not accept the account of the sidecar. Press “Renew Account Key”.',
    id: 'Odoo tidak menerima akun sidecar. Tekan “Perbarui Kunci Akun”.'
  },
  denied: {
    en: 'The account of the sidecar may not write to Odoo. Ask a system administrator for its rights.',
    id: 'Akun sidecar tidak berhak menulis ke Odoo. Minta haknya kepada administrator sistem.'
  },
  addons: {
    en: 'The addons in Odoo are missing or older than the sidecar, and do not accept all that it sends. Ask the technical team to update them. Nothing is lost meanwhile.',
    id: 'Addon di Odoo belum dipasang atau lebih lama daripada sidecar sehingga tidak menerima semua yang dikirim. Minta tim teknis memperbarui addon itu. Sementara itu tidak ada data yang hilang.'
  },
  away: {
    en: 'The sidecar cannot reach Odoo. Call the technical team.',
    id: 'Sidecar tidak dapat menghubungi Odoo. Hubungi tim teknis.'
  }
}

/** Calls without records, with everything else that real calls have. */
const empty: Payload[] = [
  { model: 'sdmk.integration', method: 'sync_integrations', payload: JSON.stringify({ integrations: [] }), rows: 0 },
  { model: 'sdmk.health.worker', method: 'sync_health_workers', payload: emptyTables('health-workers'), rows: 0 },
  { model: 'sdmk.batch', method: 'sync_batches', payload: emptyTables('batches'), rows: 0 }
]

/** Odoo's classes of faults for a column, method or model that the addons do not know; XML-RPC has one name for the first two. */
const ofAddons = /^(?:odoo\.exceptions\.(?:ValidationError|UserError)|KeyError|AttributeError|TypeError)$/

/** Returns whether the sidecar can write to Odoo, and the addons know all that it writes. */
export async function checkOdoo(link: Pick<OdooLink, 'deliver'>): Promise<OdooCheck> {
  try {
    await writeNothing(link)
    return result('fine')
  } catch (error) {
    return describeFailure(error)
  }
}

/**
 * Writes no settings, people and batches with the account of the sidecar: it changes nothing, and needs every right of a real
 * call, and addons that know each column.
 * @throws what `deliver` throws
 */
export async function writeNothing(link: Pick<OdooLink, 'deliver'>): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs)
  for (const payload of empty) await link.deliver(payload, { requestId: randomUUID(), signal, attempts: 1 })
}

/** Returns what an error of `writeNothing` means. */
export function describeFailure(error: unknown): OdooCheck {
  if (error instanceof OdooDenied && ofAddons.test(error.fault ?? '')) return result('addons')
  if (error instanceof OdooDenied) return result(error.isOfAccount ? 'account' : 'denied')
  return result(error instanceof OdooUnavailable && error.kind === 'account' ? 'account' : 'away')
}

function result(finding: keyof typeof texts): OdooCheck {
  const { en, id } = texts[finding]
  return { isFine: finding === 'fine', en: [en], id: [id] }
}
