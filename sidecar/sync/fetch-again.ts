import type pg from 'pg'
import { PageWriter, type PreparedPage } from '../registry/page-writer.ts'
import { takePersonIdsFrom } from '../registry/person-ids.ts'
import { stagePages } from '../registry/stage.ts'
import { KkiDenied } from '../source/errors.ts'
import type { CallContext, KkiClient, KkiPage } from '../source/types.ts'
import { type Batch, changeBatch } from './batch.ts'
import { queueBatchJob } from './batch-job.ts'
import type { FetchContext } from './fetch-context.ts'
import { FormatErrorLog } from './format-errors.ts'
import { readPage } from './read-page.ts'

/** STRs that are requested concurrently, and that share a transaction. */
const atATime = 4

interface RetryItem {
  itemNo: number
  strAsked: string
}

interface Answer extends RetryItem {
  answer: 'found' | 'not_found' | 'denied'
  page: KkiPage | null
}

/**
 * Requests each STR of a retry batch from KKI, from the place of the last attempt, and stages the returned rows. When all
 * have answers, queues the plan. An STR that KKI does not know is marked. @throws KkiError, FenceLost
 */
export async function askAgain(context: FetchContext, taken: Batch, callContext: CallContext): Promise<void> {
  const { database, kki, queue } = context
  const formatErrors = new FormatErrorLog(context.logger)
  let batch = taken
  while (batch.state === 'fetching') {
    const items = await readItems(database.pool, batch, atATime + 1)
    const asked = items.slice(0, atATime)
    const isLast = items.length <= atATime
    const answers = await Promise.all(asked.map(item => ask(kki, item, callContext)))
    const staged = await stage(context, batch, answers, formatErrors)
    batch = await database.withTransaction(async client => {
      const changed = await changeBatch(client, batch, {
        cursor: String(asked.at(-1)?.itemNo ?? batch.cursor ?? 0),
        pages: batch.pages + staged.pages.length,
        fetched: batch.fetched + staged.fetched,
        rejected: batch.rejected + staged.rejected,
        attempts: 0,
        ...(isLast && { state: 'staged' as const, fetched_at: 'now' as const })
      })
      await stagePages(client, batch.id, staged.pages)
      await noteAnswers(client, batch.id, answers)
      if (isLast) await queueBatchJob(client, queue, { kind: 'apply', batchId: batch.id })
      return changed
    })
  }
  formatErrors.finish()
}

async function readItems(pool: pg.Pool, { id, cursor }: Batch, limit: number): Promise<RetryItem[]> {
  const { rows } = await pool.query<RetryItem>(
    `select item_no as "itemNo", str_asked as "strAsked" from kki.retry_item
    where batch_id = $1 and item_no > $2 order by item_no limit $3`,
    [id, Number(cursor ?? 0), limit]
  )
  return rows
}

async function ask(kki: KkiClient, item: RetryItem, context: CallContext): Promise<Answer> {
  try {
    const page = await kki.fetchByStr(item.strAsked, { ...context, page: item.itemNo })
    return { ...item, page, answer: page ? 'found' : 'not_found' }
  } catch (error) {
    // One number that KKI rejects must not prevent the requests for the others.
    if (error instanceof KkiDenied && error.status === 400) return { ...item, page: null, answer: 'denied' }
    throw error
  }
}

async function stage(
  { database, identity, transform, options }: FetchContext,
  batch: Batch,
  answers: Answer[],
  formatErrors: FormatErrorLog
) {
  const writer = new PageWriter({ id: batch.id, source: 'kki' }, identity, takePersonIdsFrom(database.pool), {
    page: batch.pages + 1,
    rowNo: batch.fetched + 1
  })
  const pages: PreparedPage[] = []
  for (const { page: answer } of answers) {
    if (answer === null) continue
    const page = await readPage(answer, writer, {
      transform,
      maxSkewMs: options.maxSkewSeconds * 1000,
      formatErrors
    })
    pages.push(page)
  }
  return {
    pages,
    fetched: pages.reduce((sum, { rowCount }) => sum + rowCount, 0),
    rejected: pages.reduce((sum, { rejectionCount }) => sum + rejectionCount, 0)
  }
}

async function noteAnswers(client: pg.ClientBase, batchId: number, answers: Answer[]): Promise<void> {
  await client.query(
    `update kki.retry_item i set answer = a.answer, answered_at = now()
    from unnest($2::int[], $3::text[]) a (item_no, answer)
    where i.batch_id = $1 and i.item_no = a.item_no`,
    [batchId, answers.map(({ itemNo }) => itemNo), answers.map(({ answer }) => answer)]
  )
}
