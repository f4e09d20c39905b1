import type { Scope } from './scopes.ts'

/** What an operator of Odoo may be, the least first: each may do what those before it may. */
export const roles = ['auditor', 'verifier', 'administrator'] as const
export type Role = (typeof roles)[number]

/** The least role that may use a scope. Nobody speaks for others on behalf of somebody else. */
const leastRole: Record<Exclude<Scope, 'actor:delegate'>, Role> = {
  'runs:read': 'auditor',
  'registry:read': 'auditor',
  'audit:read': 'auditor',
  'rejections:write': 'verifier',
  'registry:reveal': 'verifier',
  'registry:search-nik': 'verifier',
  'runs:write': 'administrator',
  'registry:write': 'administrator',
  'privacy:manage': 'administrator',
  'settings:write': 'administrator'
}

/** Returns whether an operator of this role may use the scope, if their program's key has it. */
export function roleAllows(role: Role, scope: Scope): boolean {
  return scope !== 'actor:delegate' && roles.indexOf(role) >= roles.indexOf(leastRole[scope])
}
