/**
 * Characters that a reader cannot see, or that a terminal executes: control characters and line separators, bidirectional
 * marks, invisible characters, lone surrogates, and code points without a general meaning.
 *
 * The joiners U+200C and U+200D are allowed: Arabic script and emoji need them. Tags (U+E0020 and on) are not: they can hide
 * a whole text, and only the flags of three regions need them.
 */
const unprintable = String.raw`\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Bidi_Control}\u00ad\u180e\u200b\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0001}\u{e0020}-\u{e007f}`

/**
 * The same for patterns in contracts, as far as every dialect of regular expressions supports it: Python's has no Unicode
 * properties. It is the inside of a character class.
 */
export const unprintableInContracts = String.raw`\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ue000-\uf8ff\ufeff\ufff9-\ufffb`

const anyUnprintable = new RegExp(`[${unprintable}]`, 'u')
const allUnprintable = new RegExp(`[${unprintable}]`, 'gu')

/** Returns whether a text is one line of visible characters, without blanks at its ends. */
export function isPrintableLine(text: string): boolean {
  return text !== '' && text.trim() === text && !anyUnprintable.test(text)
}

/**
 * Returns the text with `\uXXXX` for characters that are not printable, including line ends, so that it stays on one line.
 * JSON text without line breaks between its values keeps its meaning.
 */
export function escapeUnprintable(text: string): string {
  return text.replace(allUnprintable, character =>
    Array.from({ length: character.length }, (_, at) => `\\u${hex4(character.charCodeAt(at))}`).join('')
  )
}

/** Returns the text as a printable JSON string, so that it cannot be mistaken for the text around it. */
export function quote(text: string): string {
  return escapeUnprintable(JSON.stringify(text))
}

const hex4 = (unit: number) => unit.toString(16).padStart(4, '0')
