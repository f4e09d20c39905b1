import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'

const intervalMs = 200

/** The observed state of a batch. */
interface Seen {
  state: string
  /** Changes with all progress of the batch, but not when a job takes it. */
  progress: string
}

/** Observes all batches of a run five times a second, without proxies. */
export class Watch {
  readonly #pool: pg.Pool
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  readonly #history = new Map<number, { at: number; seen: Seen }[]>()
  /** The largest number of batches under way at the same time. */
  mostAtOnce = 0

  constructor(pool: pg.Pool) {
    this.#pool = pool
    this.#done = this.#loop()
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // While the server is unavailable nothing can be observed.
      await this.look().catch(() => undefined)
      await wait(intervalMs, undefined, { signal: this.#stop.signal }).catch(() => undefined)
    }
  }

  /** Observes now. @throws while the server is unavailable */
  async look(): Promise<void> {
    const { rows } = await this.#pool.query<Seen & { id: number }>(
      `select id::int, state, concat_ws('|', state, pages, fetched_at, planned_at, replans) as progress from kki.batch`
    )
    const at = Date.now()
    const isBusy = ({ state }: Seen) => ['fetching', 'staged', 'planned'].includes(state)
    this.mostAtOnce = Math.max(this.mostAtOnce, rows.filter(isBusy).length)
    for (const { id, ...seen } of rows) {
      const history = this.#history.get(id) ?? []
      if (history.at(-1)?.seen.progress !== seen.progress) history.push({ at, seen })
      this.#history.set(id, history)
    }
  }

  /** The time of the first progress of the batch after `since`; null if there is none yet. */
  progressAfter(batchId: number, since: number): number | null {
    const history = this.#history.get(batchId) ?? []
    return history.find(({ at }, index) => index > 0 && at > since)?.at ?? null
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }
}

/** Polls until `check` returns true; false after `ms`. Errors count as false. @throws the signal's reason */
export async function within(ms: number, signal: AbortSignal, check: () => Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    signal.throwIfAborted()
    if (await check().catch(() => false)) return true
    await wait(intervalMs)
  }
  return false
}
