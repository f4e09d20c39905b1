import { SdmkError } from '../errors.ts'

/** Odoo cannot be reached, is too slow, or fails by itself; the same call may succeed later. */
export class OdooUnavailable extends SdmkError {
  readonly code = 'ODOO_UNAVAILABLE'
  override readonly retryable = true
  /** True where the sidecar has no account there yet. */
  readonly isWithoutAccount: boolean

  constructor(problem: string, options?: ErrorOptions & { isWithoutAccount?: boolean }) {
    super(`Odoo ${problem}; the call is repeated`, options)
    this.isWithoutAccount = options?.isWithoutAccount ?? false
  }

  static withoutAccount(): OdooUnavailable {
    return new OdooUnavailable('has given the sidecar no account yet', { isWithoutAccount: true })
  }
}

/** Odoo's class of the fault where login or key are not right. */
export const accessDenied = 'odoo.exceptions.AccessDenied'

/** Odoo refuses the call: the account may not make it, or what was sent is not what it takes. */
export class OdooRefused extends SdmkError {
  readonly code = 'ODOO_REFUSED'
  /** Odoo's class of the fault, such as `odoo.exceptions.AccessError`; null where it does not say. */
  readonly fault: string | null

  constructor(fault: string | null, options?: ErrorOptions) {
    super(`Odoo refuses the call${fault === null ? '' : ` (${fault})`}`, options)
    this.fault = fault
  }

  /** True where Odoo does not know the account, whatever it was asked: with another key the same call may succeed. */
  get isOfAccount(): boolean {
    return this.fault === accessDenied
  }
}
