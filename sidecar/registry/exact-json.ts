import { cutDeep } from '../transform/depth.ts'

/** Of ECMAScript’s JSON.parse source text access; TypeScript's own types do not have it yet. */
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

/** A number as it was written. */
export interface RawJson {
  readonly rawJSON: string
}

/** A number of 16 characters or more, or with an exponent, outside of quotes: the only ones that JSON.parse may round. */
const longNumber = /[:,[]\s*-?\d(?:[\d.eE+-]{14,}|[\d.]*[eE])/

/**
 * Returns what the JSON text says, with no number rounded: a NIK that came as a number must be stored as it came. Numbers
 * that would read differently are `RawJson`; of a key that stands twice the last counts, as in `JSON.parse`.
 */
export function parseExactly(text: string): unknown {
  // The reviver is called for each value, so it is given only where the text has a number that needs it.
  return longNumber.test(text) ? JSON.parse(text, keepNumber) : JSON.parse(text)
}

function keepNumber(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === 'number' && source !== undefined && String(value) !== source ? JSON.rawJSON(source) : value
}

/** Returns the same JSON without blanks between values, no number rounded; what is nested too deeply is cut short. */
export function compactExactly(text: string): string {
  return JSON.stringify(parseExactly(cutDeep(text)))
}
