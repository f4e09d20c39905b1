import fp from 'fastify-plugin'
import { Problem } from './problem.ts'
import { decodeUtf8 } from './strict-text.ts'

/** Denies requests whose bytes are not UTF-8. Fastify would store U+FFFD, or an escape such as `%ff` verbatim. */
export default fp(
  async function strictRequestsPlugin(app) {
    const parseJson = app.getDefaultJsonParser('error', 'error')
    app.removeContentTypeParser('application/json')
    app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
      let text: string
      try {
        text = decodeUtf8(body)
      } catch {
        return done(new Problem('VALIDATION_FAILED', 'The body is not UTF-8.'))
      }
      return parseJson(request, text, done)
    })
    app.addHook('onRequest', async ({ raw }) => {
      if (!isUtf8Address(raw.url ?? '')) {
        throw new Problem('VALIDATION_FAILED', 'The address of the request is not valid: its escapes must be UTF-8.')
      }
    })
  },
  { name: 'strict-requests', fastify: '5.x', dependencies: ['problems'] }
)

/** Returns whether a URL is ASCII (RFC 3986) and its escapes are UTF-8. */
function isUtf8Address(address: string): boolean {
  if (!/^[\x21-\x7e]*$/.test(address)) return false
  if (!address.includes('%')) return true
  try {
    decodeURIComponent(address)
    return true
  } catch {
    return false
  }
}
