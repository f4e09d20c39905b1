import { nameKey } from '../../transform/name.ts'
import { canonicalStr, isStrNumber } from '../../transform/str-number.ts'

/** The search terms in a text that a caller says. */
export interface CallerText {
  /** The possible readings of the STR, the likeliest first. */
  strNumbers: string[]
  /** The key of the name; empty if the text has no name. */
  nameKey: string
}

/** Words before a name that do not belong to it: "on behalf of" (a.n.), forms of address, occupations. */
const address =
  /^(?:a\s?[./]\s?n\b\.?|an\.|atas nama|bapak|bpk|pak|ibu|bu|mbak|suster|zuster|perawat|bidan|ners)[\s.:/]+/i

/** Labels before a number. They are optional, because a lifelong STR may itself begin with `NO`. */
const label = /^(?:(?:str|nomor|no)(?![a-z])[\s.:#-]*)+/i

/** Letters that look like digits, as people copy or read them in an STR. */
const digitLike: Record<string, string> = { O: '0', Q: '0', D: '0', I: '1', L: '1', Z: '2', S: '5', G: '6', B: '8' }

/** Every STR has at least this many digits; no name has. */
const fewestDigits = 6

/** Reads an STR, a name, or both from a text such as `STR 31.1.1.100.2.20-999999 a.n. dr. Budi`. */
export function readCallerText(text: string): CallerText {
  const words = text.trim().split(/\s+/)
  const numbers = words.filter(isOfNumber)
  const names = words.filter(word => !isOfNumber(word))
  const strNumbers = [...spellingsOfStr(text), ...spellingsOfStr(numbers.join(''))].filter(
    spelling => isStrNumber(spelling) && spelling.replace(/\D/g, '').length >= fewestDigits
  )
  return { strNumbers: [...new Set(strNumbers)], nameKey: nameKeyOf(names.join(' ')) }
}

/** True if at least half of the word is digits. A name may contain a single digit by mistake. */
function isOfNumber(word: string): boolean {
  return word.replace(/\D/g, '').length * 2 >= word.replace(/[^\p{L}\p{N}]/gu, '').length && /\d/.test(word)
}

/** Returns the key of a name, without words that only introduce it. */
export function nameKeyOf(name: string): string {
  let rest = name.trim().replace(label, '')
  while (address.test(rest)) rest = rest.replace(address, '')
  return nameKey(rest)
}

/** Returns the possible readings of an STR: unchanged, and with letters that look like digits replaced. */
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
