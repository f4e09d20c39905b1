import { SdmkError } from '../errors.ts'

/** Odoo cannot be reached, is too slow, or fails by itself; the same call may succeed later. */
export class OdooUnavailable extends SdmkError {
  readonly code = 'ODOO_UNAVAILABLE'
  override readonly retryable = true

  constructor(problem: string, options?: ErrorOptions) {
    super(`Odoo ${problem}; the call is repeated`, options)
  }
}

/** Odoo refuses the call: the account may not make it, or what was sent is not what it takes. */
export class OdooRefused extends SdmkError {
  readonly code = 'ODOO_REFUSED'
  /** Odoo's class of the fault, such as `odoo.exceptions.AccessError`; null where it does not say. */
  readonly fault: string | null

  constructor(fault: string | null, options?: ErrorOptions) {
    super(`Odoo refuses the call${fault === null ? '' : ` (${fault})`}`, options)
    this.fault = fault
  }
}
