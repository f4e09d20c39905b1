import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import { cursorOf } from '../identity/seal-place.ts'
import type { Transaction } from '../platform/database.ts'
import { inSpan } from '../platform/tracing.ts'
import type { PageWriter, PreparedPage } from '../registry/page-writer.ts'
import { stagePages } from '../registry/stage.ts'
import type { KkiPage } from '../source/types.ts'
import { type Batch, changeBatch } from './batch.ts'
import { queueBatchJob } from './batch-job.ts'
import { ProfessionGone } from './errors.ts'
import type { FetchContext } from './fetch-context.ts'
import { insertBatch, walkParts } from './run.ts'

/** Pages that share a transaction: fewer need more commits, more need memory and repeat more work after a crash. */
const pagesPerTransaction = 4

/** Collects pages and stages a few to a transaction, while the next ones are fetched and transformed. */
export class StagedWalk {
  readonly #context: FetchContext
  readonly #writer: PageWriter
  #batch: Batch
  #waiting: PreparedPage[] = []
  #cursor: string | null
  #total: number | null = null
  #writing: Promise<void> = Promise.resolve()
  /** Counts of the batch so far, including pages that wait for their transaction. */
  rows: number

  constructor(context: FetchContext, batch: Batch, writer: PageWriter) {
    this.#context = context
    this.#writer = writer
    this.#batch = batch
    this.#cursor = batch.cursor
    this.rows = batch.fetched
  }

  async add(page: KkiPage, prepared: PreparedPage): Promise<void> {
    this.#waiting.push(prepared)
    this.rows += prepared.rowCount
    this.#cursor = page.nextCursor === null ? null : sealCursor(this.#context.identity, this.#batch.id, page.nextCursor)
    this.#total = page.total ?? this.#total
    if (this.#waiting.length < pagesPerTransaction) return
    await this.#writing
    this.#writing = this.#write(this.#waiting, null)
    // The error is handled by the next caller that awaits it.
    this.#writing.catch(() => {})
    this.#waiting = []
  }

  /**
   * Stages the remaining pages, and creates the batch that starts at this cursor of KKI; null: this walk of KKI's list
   * is over.
   */
  async finish(nextCursor: string | null): Promise<void> {
    await this.#writing
    await this.#write(this.#waiting, { nextCursor })
  }

  #write(pages: PreparedPage[], end: { nextCursor: string | null } | null): Promise<void> {
    return inSpan('stage', { attributes: { 'sdmk.pages': pages.length } }, () => this.#store(pages, end))
  }

  async #store(pages: PreparedPage[], end: { nextCursor: string | null } | null): Promise<void> {
    const { database, queue } = this.#context
    const change = {
      cursor: this.#cursor,
      pages: this.#batch.pages + pages.length,
      fetched: this.#batch.fetched + sum(pages, page => page.rowCount),
      rejected: this.#batch.rejected + sum(pages, page => page.rejectionCount),
      attempts: 0 as const,
      ...(end && { state: 'staged' as const, fetched_at: 'now' as const })
    }
    this.#batch = await database.withTransaction(async client => {
      const batch = await changeBatch(client, this.#batch, change)
      await stagePages(client, batch.id, pages)
      await this.#keepTotal(client)
      if (end) {
        await queueBatchJob(client, queue, { kind: 'apply', batchId: batch.id })
        await this.#makeNext(client, batch, end.nextCursor)
      }
      return batch
    })
    this.#writer.giveBack(pages)
  }

  /**
   * If professions are read one after the other, each has its own total, which would mislead. Odoo shows the total with
   * every batch of the run, so later batches do not change it: otherwise earlier batches would have to be sent to Odoo
   * again.
   */
  async #keepTotal(client: pg.ClientBase): Promise<void> {
    const { id, runId, profession } = this.#batch
    if (this.#total === null || profession !== null) return
    await client.query(
      `update kki.run set expected_total = $2
      where id = $1 and expected_total is distinct from $2
        and not exists (select from kki.batch where run_id = $1 and id < $3)`,
      [runId, this.#total, id]
    )
  }

  /** Creates the batch that continues at this cursor, or with the next profession; none if the walk of the run is over. */
  async #makeNext(client: Transaction, batch: Batch, cursor: string | null): Promise<void> {
    const parts = walkParts(batch.runProfessions, this.#context.mapping)
    const at = parts.findIndex(({ sourceProfession }) => sourceProfession === batch.sourceProfession)
    if (at < 0) throw new ProfessionGone(batch.profession ?? '')
    const part = parts[cursor === null ? at + 1 : at]
    if (part === undefined) return
    const id = await insertBatch(client, batch.runId, part)
    if (cursor === null) return
    const sealed = sealCursor(this.#context.identity, id, cursor)
    await client.query('update kki.batch set start_cursor = $2 where id = $1', [id, sealed])
  }
}

/** A cursor is KKI's own text and may identify the last person of a page, so it is stored sealed. */
function sealCursor(identity: Pick<Identity, 'seal'>, batchId: number, cursor: string): string {
  return identity.seal(cursorOf(batchId), cursor).toString('base64')
}

/**
 * @throws SealBroken, SealUnfit if its key is missing, it belongs to another batch, or a former version stored it
 * unsealed
 */
export function openCursor(identity: Pick<Identity, 'open'>, batchId: number, sealed: string): string {
  return identity.open(cursorOf(batchId), Buffer.from(sealed, 'base64')).toString('utf8')
}

function sum(pages: readonly PreparedPage[], of: (page: PreparedPage) => number): number {
  return pages.reduce((total, page) => total + of(page), 0)
}
