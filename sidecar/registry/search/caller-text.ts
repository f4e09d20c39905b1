import { nameKey } from '../../transform/name.ts'
import { canonicalStr, isStrNumber } from '../../transform/str-number.ts'

/** What somebody tells of a person whom they look for. */
export interface CallerText {
  /** The STR in every way that it may be meant, the likeliest first. */
  strNumbers: string[]
  /** The key of the name; empty where the text has none. */
  nameKey: string
}

/** How people are spoken of: on behalf of (a.n.), addressed, or by their work. None of it belongs to a name. */
const address =
  /^(?:a\s?[./]\s?n\b\.?|an\.|atas nama|bapak|bpk|pak|ibu|bu|mbak|suster|zuster|perawat|bidan|ners)[\s.:/]+/i

/** What stands before a number. An STR for life may begin with `NO` as well. */
const label = /^(?:(?:str|nomor|no)(?![a-z])[\s.:#-]*)+/i

/** An STR that is read aloud or copied: letters that look like digits. */
const digitLike: Record<string, string> = { O: '0', Q: '0', D: '0', I: '1', L: '1', Z: '2', S: '5', G: '6', B: '8' }

/** As many digits does every STR have, and no name. */
const fewestDigits = 6

/** Returns the STR and the name that a text may hold: `STR 31.1.1.100.2.20-999999 a.n. dr. Budi`, or one of the two. */
export function readCallerText(text: string): CallerText {
  const words = text.trim().split(/\s+/)
  const numbers = words.filter(isOfNumber)
  const names = words.filter(word => !isOfNumber(word))
  const strNumbers = [...spellingsOfStr(text), ...spellingsOfStr(numbers.join(''))].filter(
    spelling => isStrNumber(spelling) && spelling.replace(/\D/g, '').length >= fewestDigits
  )
  return { strNumbers: [...new Set(strNumbers)], nameKey: nameKeyOf(names.join(' ')) }
}

/** True where half of a word is digits. A name may have one that was read for a letter. */
function isOfNumber(word: string): boolean {
  return word.replace(/\D/g, '').length * 2 >= word.replace(/[^\p{L}\p{N}]/gu, '').length && /\d/.test(word)
}

/** Returns the key of a name as a caller says it. */
export function nameKeyOf(name: string): string {
  let rest = name.trim().replace(label, '')
  while (address.test(rest)) rest = rest.replace(address, '')
  return nameKey(rest)
}

/** Returns the STRs that a text may mean: as it is written, and with letters that look like digits read as digits. */
export function spellingsOfStr(text: string): string[] {
  const spellings = [text.trim(), text.trim().replace(label, '')].flatMap(written => {
    const str = canonicalStr(written)
    return [str, str.slice(0, 2) + asDigits(str.slice(2)), asDigits(str)]
  })
  return [...new Set(spellings)]
}

function asDigits(text: string): string {
  return text.replace(/[A-Z]/g, letter => digitLike[letter] ?? letter)
}
