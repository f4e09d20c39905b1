import fp from 'fastify-plugin'
import { holdsIdentityNumber } from './identity-number.ts'
import { findUnportable } from './portable-text.ts'
import { isPrintableLine } from './printable-text.ts'
import { Problem } from './problem.ts'

/** Fields that take long numbers: a NIK, an STR, instants, and texts that machines made and that are compared or sealed. */
const numberFields = new Set(['nik', 'str', 'planDigest', 'apiKey', 'changedSince', 'changedUntil'])

/** May have sixteen digits in a row by chance. */
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/**
 * Denies requests with text that must not be stored. A schema that says `string` lets it pass. The answer names the field
 * alone.
 *
 * - Text that not every receiver can carry.
 * - Text that holds an identity number, except in the fields that are for such numbers: it would be stored in clear.
 * - A reason that is not one printable line. It loses the blanks and line ends at its ends, which come with pasted text.
 */
export default fp(
  async function storableTextPlugin(app) {
    app.addHook('preValidation', async request => {
      for (const part of ['body', 'querystring', 'params'] as const) {
        const pointer = findUnportable(part === 'querystring' ? request.query : request[part])
        if (pointer !== null) {
          deny(`/${part}${pointer}`, 'must not hold control characters, half characters or Unicode noncharacters')
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
  if (holdsIdentityNumber(text)) deny(field, 'holds an identity number')
}

function checkReason(body: unknown): void {
  if (typeof body !== 'object' || body === null || !('reason' in body) || typeof body.reason !== 'string') return
  const reason = body.reason.trim()
  body.reason = reason
  if (reason !== '' && !isPrintableLine(reason)) {
    deny('/body/reason', 'must be one line, without characters that cannot be seen')
  }
}

function deny(field: string, message: string): never {
  throw new Problem('VALIDATION_FAILED', `Not valid: ${field}`, { errors: [{ field, message }] })
}
