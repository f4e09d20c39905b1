import { parse, stringify } from 'lossless-json'

/** A number of 16 characters or more, outside of quotes: the only ones that JSON.parse may round. */
const longNumber = /[:,[]\s*-?\d[\d.eE+-]{14,}/

/**
 * Returns what the JSON text says, with no number rounded: a NIK that came as a number must be stored as it came. The
 * lossless parser is slow and heavy, so it is used only where the text has a number that needs it.
 */
export function parseExactly(text: string): unknown {
  return longNumber.test(text) ? parse(text) : JSON.parse(text)
}

/** Returns the JSON text of a value that `parseExactly` gave. */
export function stringifyExactly(value: unknown): string {
  return stringify(value) ?? 'null'
}
