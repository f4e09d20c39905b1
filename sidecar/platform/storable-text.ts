import fp from 'fastify-plugin'
import { holdsIdentityNumber } from '../identity-number.ts'
import { findUnportable } from './portable-text.ts'
import { Problem } from './problem.ts'

/**
 * Denies requests with text that not every receiver can carry. A schema that says `string` lets it pass. A text that holds
 * an identity number would be stored in clear. It is denied too, except in the fields that are for such numbers. The
 * answer names the field alone.
 */
export default fp(
  async function storableTextPlugin(app) {
    app.addHook('preValidation', async request => {
      for (const part of ['body', 'querystring', 'params'] as const) {
        const pointer = findUnportable(part === 'querystring' ? request.query : request[part])
        if (pointer === null) continue
        const field = `/${part}${pointer}`
        throw new Problem('VALIDATION_FAILED', `Not valid: ${field}`, {
          errors: [{ field, message: 'must not hold control characters, half characters or Unicode noncharacters' }]
        })
      }
      for (const name of ['x-actor', 'idempotency-key'] as const) {
        const value = request.headers[name]
        if (typeof value === 'string' && !isCodeOrUuid.test(value)) denyIdentityNumber(value, `/headers/${name}`)
      }
      for (const [name, value] of Object.entries(request.body ?? {})) {
        if (typeof value === 'string' && !ownFields.has(name)) denyIdentityNumber(value, `/body/${name}`)
      }
    })
  },
  { name: 'storable-text', fastify: '5.x', dependencies: ['problems'] }
)

/** Fields that take long numbers: a NIK, an STR, instants, and texts that machines made and that are compared or sealed. */
const ownFields = new Set(['nik', 'str', 'planDigest', 'apiKey', 'changedSince', 'changedUntil'])

/** A UUID may have sixteen digits in a row by chance. The number of a civil servant (NIP) is a common login, and has eighteen. */
const isCodeOrUuid =
  /^(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:19|20)\d\d(?:0[1-9]|1[0-2])[12]\d{3})$/i

function denyIdentityNumber(text: string, field: string): void {
  if (!holdsIdentityNumber(text)) return
  throw new Problem('VALIDATION_FAILED', `Not valid: ${field}`, {
    errors: [{ field, message: 'holds an identity number' }]
  })
}
