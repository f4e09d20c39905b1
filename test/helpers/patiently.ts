import { setTimeout as wait } from 'node:timers/promises'
import type { InjectOptions } from 'fastify'
import type { App } from '../../sidecar/app.ts'

const limitMs = 120_000
/** A service that asks for more at once is not busy: the test is wrong. */
const longestWaitSeconds = 60

/**
 * Returns the answer of a service. It repeats the request while the answer is 503 or 429 with `Retry-After`, because the
 * service did nothing then. All tests send requests to a running service with this function, because the machine may be
 * busy. Only tests that expect a 503 or 429 do not.
 *
 * @throws after two minutes of such answers.
 */
export async function patiently<T>(
  send: () => Promise<T>,
  read: (answer: T) => { status: number; retryAfter: unknown }
): Promise<T> {
  for (const end = Date.now() + limitMs; ; ) {
    const answer = await send()
    const { status, retryAfter } = read(answer)
    const seconds = Number(retryAfter ?? Number.NaN)
    const isToRepeat = (status === 503 || status === 429) && seconds >= 0 && seconds <= longestWaitSeconds
    if (!isToRepeat) return answer
    if (Date.now() > end) throw new Error(`the service answers ${status} for ${limitMs / 1000} s`)
    await wait(Math.max(100, seconds * 1000))
  }
}

/** `app.inject`, asked again while the service is too busy. */
export function injectPatiently(app: Pick<App, 'inject'>, request: InjectOptions) {
  return patiently(
    () => app.inject(request),
    ({ statusCode, headers }) => ({ status: statusCode, retryAfter: headers['retry-after'] })
  )
}

/** `fetch`, asked again while the service is too busy. */
export function fetchPatiently(url: string | URL, init: RequestInit = {}): Promise<Response> {
  return patiently(
    async () => {
      const answer = await fetch(url, init)
      // The body of an answer that is not used keeps its connection.
      if (answer.headers.has('retry-after')) return new Response(await answer.arrayBuffer(), answer)
      return answer
    },
    ({ status, headers }) => ({ status, retryAfter: headers.get('retry-after') })
  )
}
