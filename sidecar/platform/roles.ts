import type { Scope } from './scopes.ts'

/** Roles of an operator in Odoo. Each of the first three includes the ones before it; the last is separate. */
export const roles = ['auditor', 'verifier', 'administrator', 'data_protection_officer'] as const
export type Role = (typeof roles)[number]

const administrators: readonly Role[] = ['administrator']
const verifiers: readonly Role[] = ['verifier', ...administrators]
const auditors: readonly Role[] = ['auditor', ...verifiers]

/**
 * The roles that may use a scope. A role that runs the integration does not decide about the rights of people, and a role
 * that decides about them changes nothing else. No role may act for another person.
 */
const rolesThatMay: Record<Scope, readonly Role[]> = {
  'runs:read': auditors,
  'registry:read': auditors,
  'audit:read': auditors,
  'rejections:write': verifiers,
  'registry:reveal': verifiers,
  'registry:search-nik': verifiers,
  'runs:write': administrators,
  'registry:write': administrators,
  'settings:write': administrators,
  'privacy:manage': ['data_protection_officer'],
  'actor:delegate': []
}

/** Returns whether an operator of this role may use the scope, if their program's key has it. */
export function roleAllows(role: Role, scope: Scope): boolean {
  return rolesThatMay[scope].includes(role)
}
