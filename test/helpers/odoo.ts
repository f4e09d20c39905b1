import { findEngine } from '../../tools/odoo/engine.ts'
import { OdooUnavailable } from '../../tools/odoo/install.ts'
import { createOdoo, type Odoo } from '../../tools/odoo/server.ts'
import { serverUrl } from './server.ts'

/**
 * Returns an Odoo for the tests' PostgreSQL, or the reason why none is available: its tests are then skipped. In CI
 * there must be one. @throws OdooUnavailable in CI
 */
export async function odooOrReason(): Promise<{ odoo?: Odoo; skip: string | false }> {
  const skip = await whyNoOdoo()
  return skip === false ? { odoo: await createOdoo(await serverUrl()), skip } : { skip }
}

/** Returns the reason why no Odoo can run here, or false if one can. @throws OdooUnavailable in CI */
export async function whyNoOdoo(): Promise<string | false> {
  try {
    await findEngine()
    return false
  } catch (error) {
    if (process.env.CI === 'true' || !(error instanceof OdooUnavailable)) throw error
    return `no Odoo: ${error.message}`
  }
}
