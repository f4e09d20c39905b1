/**
 * Characters that some receiver cannot represent: control characters other than tab and line ends (XML, PostgreSQL,
 * terminals), lone surrogates (UTF-8, JSONB), and Unicode noncharacters (XML).
 */
const unportable = /[[\p{Cc}--[\t\n\r]]\p{Cs}\p{Noncharacter_Code_Point}]/v
const allUnportable = new RegExp(unportable, 'gv')

/** Returns whether XML, JSON, PostgreSQL, CSV and a terminal can all represent a text unchanged. */
export function isPortable(text: string): boolean {
  return !unportable.test(text)
}

/** Returns the JSON pointer of the first text or field name that is not portable; `null` if all are portable. */
export function findUnportable(root: unknown): string | null {
  // Without recursion, because a body can be nested deeper than the stack.
  const waiting: { value: unknown; pointer: string }[] = [{ value: root, pointer: '' }]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, pointer } = next
    if (typeof value === 'string' && !isPortable(value)) return pointer
    if (typeof value !== 'object' || value === null) continue
    for (const [name, item] of Object.entries(value)) {
      if (!isPortable(name)) return pointer
      // Pointers are useful only a few levels deep; longer ones would only use memory.
      waiting.push({ value: item, pointer: pointer.length < 200 ? `${pointer}/${name}` : pointer })
    }
  }
  return null
}

/** Returns the text with `\uXXXX` for characters that are not portable. JSON text keeps its meaning. */
export function escapeUnportable(text: string): string {
  return text.replace(allUnportable, character =>
    Array.from({ length: character.length }, (_, at) => `\\u${hex4(character.charCodeAt(at))}`).join('')
  )
}

const hex4 = (unit: number) => unit.toString(16).padStart(4, '0')
