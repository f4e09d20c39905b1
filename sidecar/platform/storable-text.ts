import fp from 'fastify-plugin'
import { holdsIdentityNumber } from './identity-number.ts'
import { findUnportable } from './portable-text.ts'
import { isPrintableLine } from './printable-text.ts'
import { Problem } from './problem.ts'

/** Fields that accept long numbers: NIK, STR, search texts, instants, and generated texts that are compared or sealed. */
const numberFields = new Set(['nik', 'str', 'caller', 'text', 'planDigest', 'apiKey', 'changedSince', 'changedUntil'])

/** An idempotency key of this form is allowed, although a UUID may contain sixteen digits in a row by chance. */
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/**
 * Denies requests with text that must not be stored, although a schema of type `string` accepts it. The answer names only the
 * field. It denies:
 *
 * - text that not every receiver can represent
 * - text with an identity number, because it would be stored unencrypted; fields for such numbers are exempt
 * - a reason that is not one printable line. Blanks and line breaks at its ends, which come with pasted text, are removed first
 */
export default fp(
  async function storableTextPlugin(app) {
    app.addHook('preValidation', async request => {
      for (const part of ['body', 'querystring', 'params'] as const) {
        const pointer = findUnportable(part === 'querystring' ? request.query : request[part])
        if (pointer !== null) {
          deny(`/${part}${pointer}`, 'must not contain control characters, lone surrogates or Unicode noncharacters')
        }
      }
      const key = request.headers['idempotency-key']
      if (typeof key === 'string' && !uuid.test(key)) denyIdentityNumber(key, '/headers/idempotency-key')
      for (const [name, value] of Object.entries(request.body ?? {})) {
        if (typeof value === 'string' && !numberFields.has(name)) denyIdentityNumber(value, `/body/${name}`)
      }
      checkReason(request.body)
    })
  },
  { name: 'storable-text', fastify: '5.x', dependencies: ['problems'] }
)

function denyIdentityNumber(text: string, field: string): void {
  if (holdsIdentityNumber(text)) deny(field, 'must not contain an identity number')
}

function checkReason(body: unknown): void {
  if (typeof body !== 'object' || body === null || !('reason' in body) || typeof body.reason !== 'string') return
  const reason = body.reason.trim()
  body.reason = reason
  if (reason !== '' && !isPrintableLine(reason)) {
    deny('/body/reason', 'must be one line without invisible characters')
  }
}

function deny(field: string, message: string): never {
  throw new Problem('VALIDATION_FAILED', `Not valid: ${field}`, { errors: [{ field, message }] })
}
