import { OdooUnavailable } from '../../tools/odoo/install.ts'
import { createOdoo, type Odoo } from '../../tools/odoo/server.ts'
import { serverUrl } from './server.ts'

/**
 * Returns an Odoo beside the tests' PostgreSQL, or why there can be none here: its tests are then told to be skipped. In CI
 * there must be one. @throws OdooUnavailable in CI
 */
export async function odooOrReason(): Promise<{ odoo?: Odoo; skip: string | false }> {
  try {
    return { odoo: await createOdoo(await serverUrl()), skip: false }
  } catch (error) {
    if (process.env.CI === 'true' || !(error instanceof OdooUnavailable)) throw error
    return { skip: `no Odoo: ${error.message}` }
  }
}
