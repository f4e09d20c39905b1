import { type Caller, recordAudit } from '../audit/record.ts'
import type { Transaction } from '../platform/database.ts'
import { type ErasureScope, erasePerson, type PrivacyState, restrictPerson } from '../registry/restrict.ts'

export interface PrivacyDecision {
  healthWorkerId: number
  reason: string
  caller: Caller
}

/**
 * Restricts the data of a person, or lifts the restriction, with an audit event and a notice to Odoo.
 * @throws HealthWorkerNotFound
 */
export async function decideRestriction(
  client: Transaction,
  { healthWorkerId, reason, caller }: PrivacyDecision,
  isRestricted: boolean
): Promise<PrivacyState> {
  const state = await restrictPerson(client, healthWorkerId, isRestricted)
  client.notifyOdoo({ people: [healthWorkerId] })
  const action = isRestricted ? 'person.restricted' : 'person.restriction_lifted'
  await recordAudit(client, { ...caller, action, detail: { healthWorkerId, reason } })
  return state
}

/**
 * Erases the data of a person, with an audit event and a notice to Odoo.
 * @throws HealthWorkerNotFound, ErasureDenied, PersonErased
 */
export async function decideErasure(
  client: Transaction,
  { healthWorkerId, reason, caller }: PrivacyDecision,
  options: { scope: ErasureScope; retentionYears: number; asOf: string }
): Promise<PrivacyState> {
  const { state, rejections } = await erasePerson(client, healthWorkerId, options)
  client.notifyOdoo({ people: [healthWorkerId], rejections })
  const detail = { healthWorkerId, reason, scope: options.scope, rejections: rejections.length }
  await recordAudit(client, { ...caller, action: 'person.erased', detail })
  return state
}
