import { parseExactly } from '../platform/exact-numbers.ts'
import { holdsIdentityNumber } from '../platform/identity-number.ts'
import { cutDeep } from '../transform/depth.ts'
import type { Mapping } from '../transform/mapping.ts'

/** As many digits as an identity number nearly has, whatever stands between them. */
const longNumber = /\d(?:[ ./_-]{0,3}\d){12,}/g

/**
 * Returns a row as KKI sent it, for people to see, with asterisks for the NIK and for every long number that stands where
 * none belongs. Not one digit is left: two of them, beside birth date and sex, make a NIK a hundred times easier to guess.
 * The STR stays, if it is one (`hasStr`): what is refused as one may be a NIK.
 */
export function maskRow(raw: string, { fields }: Pick<Mapping, 'fields'>, hasStr: boolean): unknown {
  return walk(parseExactly(cutDeep(raw)), '')

  function walk(value: unknown, path: string): unknown {
    if (Array.isArray(value)) return value.map((item, i) => walk(item, `${path}/${i}`))
    if (JSON.isRawJSON(value)) return maskText(value.rawJSON, path)
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          maskText(key, ''),
          walk(item, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
        ])
      )
    }
    if (typeof value === 'number' && (path === fields.nik || String(value).length > 12))
      return maskText(String(value), path)
    return typeof value === 'string' ? maskText(value, path) : value
  }

  function maskText(text: string, path: string): string {
    if (path === fields.nik) return maskAll(text)
    if (path === fields.strNumber && hasStr) return text
    const masked = text.replace(longNumber, maskAll)
    // In another script, with other separators or encoded: seldom, so nothing of such a text is shown.
    return holdsIdentityNumber(masked) ? '*'.repeat(text.length) : masked
  }
}

/** Returns as many asterisks as a text has characters: how long it is may be its fault. */
function maskAll(text: string): string {
  return '*'.repeat(text.length)
}
