/**
 * What some receiver of text cannot carry: control characters other than tab and line ends (XML, PostgreSQL, terminals),
 * halves of a character (UTF-8, JSONB), and code points that Unicode reserves as no character (XML).
 */
const unportable = /[[\p{Cc}--[\t\n\r]]\p{Cs}\p{Noncharacter_Code_Point}]/v
const allUnportable = new RegExp(unportable, 'gv')

/** Tells whether XML, JSON, PostgreSQL, CSV and a terminal can all carry a text as it is. */
export function isPortable(text: string): boolean {
  return !unportable.test(text)
}

/** Returns the JSON pointer of the first text, names of fields included, that is not portable; `null` where all are. */
export function findUnportable(root: unknown): string | null {
  // Not by recursion: a body can be nested deeper than the stack.
  const waiting: { value: unknown; pointer: string }[] = [{ value: root, pointer: '' }]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, pointer } = next
    if (typeof value === 'string' && !isPortable(value)) return pointer
    if (typeof value !== 'object' || value === null) continue
    for (const [name, item] of Object.entries(value)) {
      if (!isPortable(name)) return pointer
      // Useful places are at most a few levels deep; a deeper one would only take memory.
      waiting.push({ value: item, pointer: pointer.length < 200 ? `${pointer}/${name}` : pointer })
    }
  }
  return null
}

/** Returns the text with `\uXXXX` for what is not portable. JSON text means the same after it. */
export function escapeUnportable(text: string): string {
  return text.replace(allUnportable, character =>
    Array.from({ length: character.length }, (_, at) => `\\u${hex4(character.charCodeAt(at))}`).join('')
  )
}

const hex4 = (unit: number) => unit.toString(16).padStart(4, '0')
