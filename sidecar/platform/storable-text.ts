import fp from 'fastify-plugin'
import { Problem } from './problem.ts'

/**
 * Refuses requests with text that no database takes: NUL, and half of a character outside the basic plane. JSON can
 * spell both, and a schema that says `string` lets them pass.
 */
export default fp(
  async function storableTextPlugin(app) {
    app.addHook('preValidation', async request => {
      for (const part of ['body', 'querystring', 'params'] as const) {
        const pointer = findUnstorable(part === 'querystring' ? request.query : request[part])
        if (pointer === null) continue
        const field = `/${part}${pointer}`
        throw new Problem('VALIDATION_FAILED', `Not valid: ${field}`, {
          errors: [{ field, message: 'must not hold NUL or half of a character' }]
        })
      }
    })
  },
  { name: 'storable-text', fastify: '5.x', dependencies: ['problems'] }
)

/** Returns the JSON pointer of the first text that cannot be stored, or `null`. Names of fields count too: they are told of by their place. */
function findUnstorable(root: unknown): string | null {
  // Not by recursion: a body can be nested deeper than the stack.
  const waiting: { value: unknown; pointer: string }[] = [{ value: root, pointer: '' }]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, pointer } = next
    if (typeof value === 'string' && !isStorable(value)) return pointer
    if (typeof value !== 'object' || value === null) continue
    for (const [name, item] of Object.entries(value)) {
      if (!isStorable(name)) return pointer
      // What is read here stands at most a few levels deep; further down its place is of no use, and would take much room.
      waiting.push({ value: item, pointer: pointer.length < 200 ? `${pointer}/${name}` : pointer })
    }
  }
  return null
}

const isStorable = (text: string) => !text.includes('\u0000') && text.isWellFormed()
