import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import { RequestInvalid } from '../errors.ts'
import { ApiKeyNotFound, createApiKey, revokeApiKey, setApiKey } from '../platform/api-key.ts'
import { holdsIdentityNumber } from '../platform/identity-number.ts'
import { isPrintableLine } from '../platform/printable-text.ts'
import type { Scope } from '../platform/scopes.ts'

/** Creates an API key with an audit event and returns it with its id. @throws ApiKeyExists, RequestInvalid */
export async function issueApiKey(client: pg.ClientBase, name: string, scopes: readonly Scope[], caller: Caller) {
  checkName(name)
  const made = await createApiKey(client, name, scopes)
  await recordAudit(client, { ...caller, action: 'api_key.created', detail: { keyId: made.id, name, scopes } })
  return made
}

/**
 * Stores an API key that was made elsewhere, with an audit event, and returns its id; see `setApiKey`.
 * @throws ApiKeyUnusable, RequestInvalid
 */
export async function adoptApiKey(
  client: pg.ClientBase,
  name: string,
  scopes: readonly Scope[],
  key: string,
  caller: Caller
): Promise<number> {
  checkName(name)
  const keyId = await setApiKey(client, name, scopes, key)
  await recordAudit(client, { ...caller, action: 'api_key.adopted', detail: { keyId, name, scopes } })
  return keyId
}

/** Revokes an API key with an audit event and returns its id. @throws ApiKeyNotFound */
export async function withdrawApiKey(client: pg.ClientBase, name: string, caller: Caller): Promise<number> {
  const keyId = await revokeApiKey(client, name)
  await recordAudit(client, { ...caller, action: 'api_key.revoked', detail: { keyId, name } })
  return keyId
}

/** Creates an API key that replaces the key of the same name, if there is one. */
export async function renewApiKey(client: pg.ClientBase, name: string, scopes: readonly Scope[], caller: Caller) {
  await withdrawApiKey(client, name, caller).catch(error => {
    if (!(error instanceof ApiKeyNotFound)) throw error
  })
  return issueApiKey(client, name, scopes, caller)
}

/** Audit events and reports show the name of a key in clear, as the actor. */
function checkName(name: string): void {
  if (!isPrintableLine(name) || name.length > 200) {
    throw new RequestInvalid(
      'name',
      'must be one line of at most 200 characters, without invisible characters or blanks at its ends'
    )
  }
  if (holdsIdentityNumber(name)) throw new RequestInvalid('name', 'must not hold an identity number')
}
