import fp from 'fastify-plugin'
import { findUnportable } from './portable-text.ts'
import { Problem } from './problem.ts'

/** Denies requests with text that not every receiver can carry. A schema that says `string` lets it pass. */
export default fp(
  async function storableTextPlugin(app) {
    app.addHook('preValidation', async request => {
      for (const part of ['body', 'querystring', 'params'] as const) {
        const pointer = findUnportable(part === 'querystring' ? request.query : request[part])
        if (pointer === null) continue
        const field = `/${part}${pointer}`
        throw new Problem('VALIDATION_FAILED', `Not valid: ${field}`, {
          errors: [{ field, message: 'must not hold control characters, half characters or Unicode noncharacters' }]
        })
      }
    })
  },
  { name: 'storable-text', fastify: '5.x', dependencies: ['problems'] }
)
