import { type Static, Type } from 'typebox'
import { SdmkError } from '../errors.ts'
import type { Language } from './problem-texts.ts'

/** Status of each problem that the API answers with. Callers see errors with other codes as `INTERNAL_ERROR`. */
export const problemStatus = {
  VALIDATION_FAILED: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  PERSON_RESTRICTED: 403,
  NOT_FOUND: 404,
  BATCH_STATE: 409,
  PLAN_CHANGED: 409,
  EFFECTS_NOT_SHOWN: 409,
  REJECTION_STATE: 409,
  REJECTION_NOT_RESOLVABLE: 409,
  REJECTION_NOT_RETRIABLE: 409,
  ROW_PURGED: 409,
  INTEGRATION_DISABLED: 409,
  RUN_OPEN: 409,
  NIK_TAKEN: 409,
  NIK_ABSENT: 409,
  SEAL_UNFIT: 409,
  PERSON_ERASED: 409,
  ERASURE_DENIED: 409,
  ODOO_NOT_CONFIGURED: 409,
  PRECONDITION_FAILED: 412,
  IDEMPOTENCY_CONFLICT: 422,
  IMPORT_FILE_INVALID: 422,
  PRECONDITION_REQUIRED: 428,
  RATE_LIMITED: 429,
  INTERNAL_ERROR: 500,
  KKI_DENIED: 502,
  KKI_TOKEN_DENIED: 502,
  TOKEN_REFRESH_FAILED: 502,
  DATABASE_UNAVAILABLE: 503,
  DIGEST_KEY_HELD: 503,
  DIGEST_KEY_UNKNOWN: 503,
  KKI_UNAVAILABLE: 503,
  SEAL_BROKEN: 503,
  UNAVAILABLE: 503
} as const satisfies Record<string, number>

export type ProblemCode = keyof typeof problemStatus

/**
 * An error answer of the API. `detail` describes this case, in English or in both languages; the title comes from the
 * catalogue in the reader's language. `extensions` become further members of the problem.
 */
export class Problem extends SdmkError {
  readonly code: ProblemCode
  readonly detail: Record<Language, string>
  readonly extensions: Record<string, unknown>

  constructor(code: ProblemCode, detail: string | Record<Language, string>, extensions: Record<string, unknown> = {}) {
    const both = typeof detail === 'string' ? { en: detail, id: detail } : detail
    super(both.en)
    this.code = code
    this.detail = both
    this.extensions = extensions
  }
}

/** An RFC 9457 problem, for the `response` of a route: `{ '4xx': ProblemSchema, '5xx': ProblemSchema }`. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: '`urn:sdmk:problem:` and the code' }),
    title: Type.String({ description: 'In English or Indonesian, by `Accept-Language`' }),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    code: Type.String({ description: 'Stable; see docs/reference/codes.md' }),
    requestId: Type.String(),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String({ description: 'JSON pointer' }), message: Type.String() }))
    )
  },
  { title: 'Problem', additionalProperties: true }
)
export type ProblemBody = Static<typeof ProblemSchema>
