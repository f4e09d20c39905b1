import { randomUUID } from 'node:crypto'
import { OdooDenied, OdooUnavailable } from './errors.ts'
import type { OdooLink } from './link.ts'

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
  away: {
    en: 'The sidecar cannot reach Odoo. Call the technical team.',
    id: 'Sidecar tidak dapat menghubungi Odoo. Hubungi tim teknis.'
  }
}

/** Tests the sidecar's account by writing an empty list of settings: it needs the rights of a real call and changes nothing. */
export async function checkOdoo(link: OdooLink): Promise<OdooCheck> {
  const payload = JSON.stringify({ integrations: [] })
  const empty = { model: 'sdmk.integration', method: 'sync_integrations', payload, rows: 0 }
  try {
    await link.deliver(empty, { requestId: randomUUID(), signal: AbortSignal.timeout(timeoutMs), attempts: 1 })
    return result('fine')
  } catch (error) {
    if (error instanceof OdooDenied) return result(error.isOfAccount ? 'account' : 'denied')
    return result(error instanceof OdooUnavailable && error.kind === 'account' ? 'account' : 'away')
  }
}

function result(finding: keyof typeof texts): OdooCheck {
  const { en, id } = texts[finding]
  return { isFine: finding === 'fine', en: [en], id: [id] }
}
