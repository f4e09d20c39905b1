/** The rights that an API key can have. */
export const scopes = [
  'runs:read',
  'runs:write',
  'rejections:write',
  'registry:read',
  'registry:write',
  'registry:reveal',
  'registry:search-nik',
  'privacy:manage',
  'settings:write',
  'audit:read',
  'actor:delegate'
] as const

export type Scope = (typeof scopes)[number]
