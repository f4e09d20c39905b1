import { hash } from 'node:crypto'

/** Control characters cannot occur in cleaned text, so neither a value nor its neighbour can look like another. */
const separator = '\u001f'
const nothing = '\u0000'

/** Returns 32 hex digits (128 bits of SHA-256) over the values in their order; `null` is not the empty text. */
export function contentHash(values: readonly (string | number | boolean | null)[]): string {
  let text = ''
  for (const value of values) text += (value ?? nothing) + separator
  return hash('sha256', text, 'hex').slice(0, 32)
}
