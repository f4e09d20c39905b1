import { hash, randomUUID } from 'node:crypto'
import { parseJson } from '../../platform/json-text.ts'
import { createTraceId } from '../../platform/trace-context.ts'
import type { VersionedSecretStore } from '../../secrets/store.ts'
import { createKkiClient } from '../client.ts'
import type { SourceDescription } from '../description.ts'
import type { SourceModule } from '../module.ts'
import type { KkiLimits, RawAnswer } from '../options.ts'
import { compileRows } from '../rows.ts'
import { tokenSecret } from '../token.ts'
import type { CallContext, KkiClient, KkiPage, PageQuery } from '../types.ts'
import type { Facts, Failure, PageFacts } from './facts.ts'
import { probeWindow } from './probe-window.ts'

export interface AskOptions {
  description: SourceDescription
  module: SourceModule | null
  baseUrl: string
  /** Only read: tokens stay in memory. */
  secrets: Pick<VersionedSecretStore, 'read'>
  /** Rows to check; the last page is checked as a whole. */
  sample: number
  pageSize: number
  limits?: Partial<KkiLimits>
  /** Aborting it ends the check. */
  signal: AbortSignal
}

const leastPages = 2
const mostPages = 50

/**
 * Requests a few pages like a run and returns the answers. It stores nothing, and an error of the source is part of the
 * result.
 */
export async function askSource(options: AskOptions): Promise<Facts> {
  const source = new Asking(options)
  try {
    return await source.ask()
  } finally {
    await source.close()
  }
}

class Asking {
  readonly #options: AskOptions
  readonly #client: KkiClient
  readonly #rowsOf: (body: Buffer, page: KkiPage) => readonly unknown[]
  #last: RawAnswer | null = null
  #isListAsked = false

  constructor(options: AskOptions) {
    this.#options = options
    const { description, module } = options
    const find = compileRows(description.answer, null)
    this.#rowsOf = (body, page) => (module === null ? find(parseJson(body), body, { filter: null }).rows : page.rows)
    const ignore = () => {}
    this.#client = createKkiClient({
      description,
      module,
      baseUrl: options.baseUrl,
      secrets: inMemory(options.secrets),
      withTokenLock: work => work(),
      logger: { info: ignore, warn: ignore, error: ignore },
      observer: {
        onAnswer: answer => {
          this.#last = { ...answer, body: Buffer.from(answer.body) }
        },
        onRequest: () => {
          this.#isListAsked = true
        }
      },
      retries: 1,
      retryBaseMs: 200,
      retryAfterMaxMs: 5_000,
      ...options.limits,
      // A wrong clock is reported and does not end the check; neither do repeated failures.
      clockToleranceMs: Number.MAX_SAFE_INTEGER,
      breaker: { volumeThreshold: 1_000_000, windowMs: 60_000, errorThresholdPercentage: 100, resetMs: 1000 }
    })
  }

  async ask(): Promise<Facts> {
    const facts: Facts = {
      pages: [],
      firstAnswer: undefined,
      end: 'notReached',
      repeatedRows: 0,
      repeats: null,
      countsFrom: null,
      window: null,
      failure: null
    }
    await this.#walk(facts)
    await this.#findFirstNumber(facts)
    if (facts.failure === null && facts.pages.length > 0) {
      const ask = (query: Omit<PageQuery, 'limit'>) => this.#page(query)
      const rows = facts.pages.flatMap(page => page.rows)
      try {
        facts.window = await probeWindow(this.#options.description, rows, this.#options.pageSize, ask)
        if (facts.window?.end === 'reached') facts.end = 'reached'
      } catch (error) {
        this.#fail(facts, 'window', 1, error)
      }
    }
    return facts
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  async #walk(facts: Facts): Promise<void> {
    const seen = new Set<string>()
    const cursors = new Set<string>()
    let previous = ''
    let rows = 0
    for (let number = 1, cursor: string | undefined; number <= mostPages; number++) {
      let page: PageFacts
      try {
        page = await this.#page({ ...(cursor !== undefined && { cursor }) }, number)
      } catch (error) {
        this.#fail(facts, 'page', number, error)
        return
      } finally {
        if (number === 1) facts.firstAnswer = parsed(this.#last)
      }
      facts.pages.push(page)
      rows += page.rows.length
      const keys = page.rows.map(row => hash('sha256', JSON.stringify(row) ?? '', 'base64'))
      const whole = keys.join()
      if (keys.length > 0 && whole === previous) facts.repeats = 'page'
      else facts.repeatedRows += keys.filter(key => seen.has(key)).length
      for (const key of keys) seen.add(key)
      previous = whole
      if (page.nextCursor === null) {
        facts.end = 'reached'
        return
      }
      if (cursors.has(page.nextCursor)) facts.repeats ??= 'cursor'
      cursors.add(page.nextCursor)
      if (facts.repeats !== null || (rows >= this.#options.sample && number >= leastPages)) return
      cursor = page.nextCursor
    }
  }

  /** Requests the page before the first one, and the second one if the first fails. */
  async #findFirstNumber(facts: Facts): Promise<void> {
    const { paging } = this.#options.description
    const first =
      paging.type === 'page_number' ? paging.firstPage : paging.type === 'offset' ? paging.firstOffset : null
    const [page] = facts.pages
    if (first === null || (first === 1 && page === undefined) || facts.failure?.step === 'token') return
    if (first === 0 && page !== undefined) {
      // A source that counts pages from 1 often takes 0 for 1. One that counts rows from 1 repeats the last row of a page.
      if (paging.type === 'page_number' && facts.repeats === 'page') await this.#compareThird(facts)
      else if (paging.type === 'offset' && facts.repeatedRows > 0 && facts.repeatedRows < facts.pages.length) {
        facts.countsFrom = 1
      }
      return
    }
    const other = await this.#page({ cursor: String(1 - first) }).catch(() => null)
    if (other === null || other.rows.length === 0) return
    if (page === undefined) facts.countsFrom = 1
    else if (JSON.stringify(other.rows[0]) !== JSON.stringify(page.rows[0])) facts.countsFrom = 0
  }

  /** The first page came twice; a different third page shows that the source counts pages. */
  async #compareThird(facts: Facts): Promise<void> {
    const third = await this.#page({ cursor: '2' }).catch(() => null)
    if (third !== null && JSON.stringify(third.rows[0]) !== JSON.stringify(facts.pages[0]?.rows[0]))
      facts.countsFrom = 1
  }

  async #page(query: Omit<PageQuery, 'limit'>, number = 1): Promise<PageFacts> {
    this.#last = null
    const startedAt = performance.now()
    const page = await this.#client.fetchPage({ ...query, limit: this.#options.pageSize }, this.#context(number))
    const seconds = (performance.now() - startedAt) / 1000
    const { received, nextCursor, total, sourceNow } = page
    const body = (this.#last as RawAnswer | null)?.body ?? page.body
    const rows = received === 0 ? [] : this.#rowsOf(body, page)
    page.release()
    return { rows, received, nextCursor, total, sourceNow, aheadMs: sourceNow - Date.now(), seconds }
  }

  #context(page: number): CallContext {
    return { requestId: randomUUID(), traceId: createTraceId(), signal: this.#options.signal, page }
  }

  #fail(facts: Facts, step: Failure['step'], page: number, error: unknown): void {
    const answer = this.#isListAsked && this.#last?.route !== this.#options.description.request.path ? null : this.#last
    facts.failure = { step: this.#isListAsked ? step : 'token', page, error, answer }
  }
}

function parsed(answer: RawAnswer | null): unknown {
  try {
    return answer === null ? undefined : parseJson(answer.body)
  } catch {
    return undefined
  }
}

/** A store that keeps the token of this check in memory. */
function inMemory(secrets: Pick<VersionedSecretStore, 'read'>): VersionedSecretStore {
  let token: Record<string, string> | null = null
  let version = 0
  const read = async (name: string) => (name === tokenSecret ? token : secrets.read(name))
  const write = async (_name: string, value: Record<string, string>) => {
    token = value
    version += 1
    return String(version)
  }
  return {
    read,
    readVersion: async name => ({ value: await read(name), version: String(version) }),
    write: async (name, value) => {
      await write(name, value)
    },
    replace: (name, _version, value) => write(name, value)
  }
}
