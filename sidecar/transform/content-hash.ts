import { hash } from 'node:crypto'

/** A separator that cannot occur in cleaned text, so that different lists of values never give the same text. */
const separator = '\u001f'
const nothing = '\u0000'

/** Returns 32 hex digits (128 bits of SHA-256) over the values in their order; `null` differs from the empty text. */
export function contentHash(values: readonly (string | number | boolean | null)[]): string {
  let text = ''
  for (const value of values) text += (value ?? nothing) + separator
  return hash('sha256', text, 'hex').slice(0, 32)
}
