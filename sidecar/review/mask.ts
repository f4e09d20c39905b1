import { parseExactly } from '../platform/exact-numbers.ts'
import { holdsIdentityNumber } from '../platform/identity-number.ts'
import { cutDeep } from '../transform/depth.ts'
import type { Mapping } from '../transform/mapping.ts'

/** At least 13 digits, also with separators between them: a NIK, even if up to three digits are missing. */
const longNumber = /\d(?:[ ./_-]{0,3}\d){12,}/g

/**
 * Returns a row as KKI sent it, with asterisks in place of the NIK and of long numbers in other fields. No digit of them is
 * left: together with birth date and sex, two digits make a NIK a hundred times easier to guess. The STR is shown only if it
 * is valid (`hasStr`), because an invalid STR may be a NIK.
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
    // An identity number in another script, with other separators or encoded is rare, so the whole text is masked.
    return holdsIdentityNumber(masked) ? '*'.repeat(text.length) : masked
  }
}

/** Returns one asterisk for each character, because a wrong length may be the reason for the rejection. */
function maskAll(text: string): string {
  return '*'.repeat(text.length)
}
