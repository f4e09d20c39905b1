import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KkiPage } from '../kki/types.ts'
import { compactExactly } from '../registry/exact-json.ts'
import { rowTexts } from '../registry/row-texts.ts'
import { refusedForContent, type StagedPage } from '../registry/stage.ts'
import type { Transform } from '../transform/transform.ts'
import type { RowPosition, TransformResult } from '../transform/types.ts'

export interface TransformPageOptions {
  /** Number of the page in its batch, from 1. */
  page: number
  firstRowNo: number
  /** Tells the rows that other batches of the run walk; absent where there are none. */
  isCovered?: ((row: unknown) => boolean) | undefined
  transform: Transform
  maxSkewMs: number
}

/** Rows after which whatever else waits has its turn: requests of the API would feel a whole page. */
const rowsPerTurn = 50

/** Returns a page of KKI as what is to be staged; `passedOver` rows are left to the batches that cover them. */
export async function transformPage(
  page: KkiPage,
  { page: number, firstRowNo, isCovered, transform, maxSkewMs }: TransformPageOptions
): Promise<StagedPage & { passedOver: number }> {
  const context = { sourceNow: page.sourceNow, maxSkewMs }
  const candidates: StagedPage['candidates'] = []
  const refused: { position: RowPosition; result: TransformResult & { ok: false } }[] = []
  let rowNo = firstRowNo
  for (const [i, row] of page.rows.entries()) {
    if (i % rowsPerTurn === 0) await nextTurn()
    if (isCovered?.(row)) continue
    const position = { rowNo: rowNo++, page: number, pageRow: i + 1 }
    const result = transform(row, context)
    if (result.ok) candidates.push({ position, candidate: result.value })
    else refused.push({ position, result })
  }
  const passedOver = page.rows.length - candidates.length - refused.length
  const texts =
    refused.length > 0 || (passedOver > 0 && candidates.length > 0) ? rowTexts(page.body.toString('utf8')) : []
  return {
    page: number,
    rowCount: page.rows.length,
    body: passedOver > 0 ? bodyOf(candidates, texts) : page.body,
    candidates,
    rejections: refused.map(({ position, result: { rejections, strNumber, profession, urgent } }) => {
      const raw = compactExactly(texts[position.pageRow - 1] ?? 'null')
      return refusedForContent({ position, strNumber, profession, problems: rejections, urgent, raw })
    }),
    passedOver
  }
}

/** A page of the same places that holds only the rows that are kept: of most pages of a walk that is covered, none. */
function bodyOf(kept: StagedPage['candidates'], texts: string[]): Buffer {
  const rows: string[] = []
  for (const { position } of kept) rows[position.pageRow - 1] = texts[position.pageRow - 1] as string
  return Buffer.from(`{"data":[${Array.from(rows, row => row ?? 'null').join()}]}`)
}
