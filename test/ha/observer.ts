import { setTimeout as wait } from 'node:timers/promises'

const intervalMs = 200
const longestMs = 60_000

interface Look {
  at: number
  isReady: boolean
  /** Status of a request that needs the database; 0 if it got no answer. */
  status: number
}

/** Asks a service five times a second whether it is ready, and for something from its database. */
export class Observer {
  readonly #url: string
  readonly #key: string
  readonly #stop = new AbortController()
  readonly #looks: Look[] = []
  readonly #done: Promise<void>
  /** Answers that a client cannot understand as "later": other errors, or 503 without `Retry-After`. */
  readonly faults: string[] = []
  /** Requests answered 503. */
  outages = 0

  constructor(url: string, key: string) {
    this.#url = url
    this.#key = key
    this.#done = this.#loop()
  }

  /** The number of looks so far. */
  mark(): number {
    return this.#looks.length
  }

  /** Resolves when the service is ready, and keeps so for some looks. */
  async untilReady(limitMs = 120_000): Promise<void> {
    const from = this.#looks.length
    for (const end = Date.now() + limitMs; Date.now() < end; await wait(intervalMs)) {
      const last = this.#looks.slice(from).slice(-5)
      if (last.length === 5 && last.every(({ isReady, status }) => isReady && status === 200)) return
    }
    throw new Error(`the service is not ready again within ${limitMs / 1000} s`)
  }

  /** Says for how long the service was not ready since that number of looks. */
  describe(since: number): string {
    const looks = this.#looks.slice(since)
    const bad = looks.filter(({ isReady, status }) => !isReady || status !== 200)
    const [start, first, last] = [looks[0], bad[0], bad.at(-1)]
    if (!start || !first || !last) return 'always ready'
    const after = ({ at }: Look) => `${((at - start.at) / 1000).toFixed(1)} s`
    const denied = bad.filter(({ status }) => status === 503).length
    return `not ready from ${after(first)} to ${after(last)}, ${denied} requests answered 503`
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const at = Date.now()
      const [isReady, status] = await Promise.all([this.#isReady(), this.#ask()])
      if (this.#stop.signal.aborted) return
      this.#looks.push({ at, isReady, status })
      await wait(intervalMs, undefined, { signal: this.#stop.signal }).catch(() => undefined)
    }
  }

  async #isReady(): Promise<boolean> {
    const answer = await this.#fetch('/readyz').catch(() => null)
    await answer?.arrayBuffer()
    return answer?.status === 200
  }

  async #ask(): Promise<number> {
    try {
      const answer = await this.#fetch('/v1/runs?limit=1')
      const { code } = (await answer.json()) as { code?: string }
      const retryAfter = answer.headers.get('retry-after')
      if (answer.status === 503 && Number(retryAfter) > 0) this.outages++
      else if (answer.status !== 200) this.faults.push(`${answer.status} ${code}, Retry-After ${retryAfter}`)
      return answer.status
    } catch (error) {
      if (!this.#stop.signal.aborted) this.faults.push(String(error))
      return 0
    }
  }

  #fetch(address: string): Promise<Response> {
    return fetch(this.#url + address, {
      headers: { authorization: `Bearer ${this.#key}` },
      signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(longestMs)])
    })
  }
}
