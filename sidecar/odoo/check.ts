import { randomUUID } from 'node:crypto'
import { OdooDenied, OdooUnavailable } from './errors.ts'
import type { OdooLink } from './link.ts'

/** Before the browser of whoever asked gives up. */
const timeoutMs = 10_000

/** Whether Odoo can be written to, for people. */
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
  away: {
    en: 'The sidecar does not reach Odoo. Tell the technical team.',
    id: 'Sidecar tidak dapat menghubungi Odoo. Hubungi tim teknis.'
  }
}

/** Writes an empty list of settings with the account of the sidecar: it changes nothing, and needs every right of a real call. */
export async function checkOdoo(link: OdooLink): Promise<OdooCheck> {
  const payload = JSON.stringify({ integrations: [] })
  const empty = { model: 'sdmk.integration', method: 'sync_integrations', payload, rows: 0 }
  try {
    await link.deliver(empty, { requestId: randomUUID(), signal: AbortSignal.timeout(timeoutMs), attempts: 1 })
    return told('fine')
  } catch (error) {
    if (error instanceof OdooDenied) return told(error.isOfAccount ? 'account' : 'denied')
    return told(error instanceof OdooUnavailable && error.kind === 'account' ? 'account' : 'away')
  }
}

function told(what: keyof typeof texts): OdooCheck {
  const { en, id } = texts[what]
  return { isFine: what === 'fine', en: [en], id: [id] }
}
