/**
 * What the reader of a line cannot see, or obeys instead of showing it: control characters and line separators, marks that
 * turn the direction of text, invisible characters, halves of a character, and code points that mean nothing in
 * general.
 *
 * The joiners U+200C and U+200D may stay: Arabic script and emoji need them. Tags (U+E0020 and on) may not: a whole text
 * can hide in them, and only the flags of three regions need them.
 */
const unprintable = String.raw`\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Bidi_Control}\u00ad\u180e\u200b\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0001}\u{e0020}-\u{e007f}`

/**
 * The same for patterns of a contract, as far as every dialect of regular expressions can say it: Python's knows no
 * properties. It is the inside of a character class.
 */
export const unprintableInContracts = String.raw`\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ue000-\uf8ff\ufeff\ufff9-\ufffb`

const anyUnprintable = new RegExp(`[${unprintable}]`, 'u')
const allUnprintable = new RegExp(`[${unprintable}]`, 'gu')

/** Tells whether a text is one line of characters that a reader sees, without blanks at its ends. */
export function isPrintableLine(text: string): boolean {
  return text !== '' && text.trim() === text && !anyUnprintable.test(text)
}

/**
 * Returns the text with `\uXXXX` for what is not printable, line ends included, so that it stays on its line. JSON text
 * that has no line ends between its values means the same after it.
 */
export function escapeUnprintable(text: string): string {
  return text.replace(allUnprintable, character =>
    Array.from({ length: character.length }, (_, at) => `\\u${hex4(character.charCodeAt(at))}`).join('')
  )
}

/** Returns the text as a JSON string, all of it printable. Nothing in it can look like what stands around it. */
export function quote(text: string): string {
  return escapeUnprintable(JSON.stringify(text))
}

const hex4 = (unit: number) => unit.toString(16).padStart(4, '0')
