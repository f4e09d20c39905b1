/** ECMAScript’s JSON.parse source text access, which TypeScript's types do not have yet. */
declare global {
  interface JSON {
    rawJSON(text: string): RawJson
    isRawJSON(value: unknown): value is RawJson
    parse(
      text: string,
      reviver: (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown
    ): unknown
  }
}

/** A number in the digits of the source. */
export interface RawJson {
  readonly rawJSON: string
}

/**
 * Parses JSON without rounding a number: a NIK that came as a number must be stored with all its digits. Numbers that
 * would be rounded become `RawJson`. For a repeated key the last value counts, as in `JSON.parse`.
 */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, keepNumber)
}

function keepNumber(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === 'number' && source !== undefined && String(value) !== source ? JSON.rawJSON(source) : value
}

/** Only integers below 2^53 are certain to keep their digits. */
export function hasInexactNumber(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isSafeInteger(value)
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some(hasInexactNumber)
}
