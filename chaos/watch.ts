import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'

const intervalMs = 200

/** What a look at the batches says of one. */
interface Seen {
  state: string
  /** Changes with whatever the batch achieves; not with its being taken up. */
  progress: string
}

/** Looks at all batches of a run, five times a second, and past the proxies. */
export class Watch {
  readonly #pool: pg.Pool
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  readonly #history = new Map<number, { at: number; seen: Seen }[]>()
  /** The most batches that were under way at once. */
  mostAtOnce = 0

  constructor(pool: pg.Pool) {
    this.#pool = pool
    this.#done = this.#loop()
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // While the server is away there is nothing to see.
      await this.look().catch(() => undefined)
      await wait(intervalMs, undefined, { signal: this.#stop.signal }).catch(() => undefined)
    }
  }

  /** Looks now. @throws while the server is away */
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

  /** When the batch first got on after `since`; null where it has not yet. */
  progressAfter(batchId: number, since: number): number | null {
    const history = this.#history.get(batchId) ?? []
    return history.find(({ at }, index) => index > 0 && at > since)?.at ?? null
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }
}

/** Asks until `check` says yes; false after `ms`. What fails meanwhile is no answer. @throws the signal's reason */
export async function within(ms: number, signal: AbortSignal, check: () => Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    signal.throwIfAborted()
    if (await check().catch(() => false)) return true
    await wait(intervalMs)
  }
  return false
}
