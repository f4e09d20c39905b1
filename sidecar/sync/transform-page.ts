import { setImmediate as nextTurn } from 'node:timers/promises'
import { Pointer } from 'typebox/value'
import type { KkiPage } from '../kki/types.ts'
import { parseExactly, stringifyExactly } from '../registry/exact-json.ts'
import { refusedForContent, type StagedPage } from '../registry/stage.ts'
import type { Transform } from '../transform/transform.ts'
import type { RowPosition, TransformResult } from '../transform/types.ts'

export interface TransformPageOptions {
  /** Number of the page in its batch, from 1. */
  page: number
  firstRowNo: number
  /** KKI's profession codes whose rows other batches of the run walk; null where there are none. */
  covered: readonly string[] | null
  /** Where a row says its profession (RFC 6901). */
  professionPointer: string
  transform: Transform
  maxSkewMs: number
}

/** Rows after which whatever else waits has its turn: requests of the API would feel a whole page. */
const rowsPerTurn = 50

/** Returns a page of KKI as what is to be staged; `passedOver` rows are left to the batches that cover them. */
export async function transformPage(
  page: KkiPage,
  { page: number, firstRowNo, covered, professionPointer, transform, maxSkewMs }: TransformPageOptions
): Promise<StagedPage & { passedOver: number }> {
  const context = { sourceNow: page.sourceNow, maxSkewMs }
  const candidates: StagedPage['candidates'] = []
  const refused: { position: RowPosition; result: TransformResult & { ok: false } }[] = []
  let rowNo = firstRowNo
  for (const [i, row] of page.rows.entries()) {
    if (i % rowsPerTurn === 0) await nextTurn()
    if (covered?.some(code => code === Pointer.Get(row, professionPointer))) continue
    const position = { rowNo: rowNo++, page: number, pageRow: i + 1 }
    const result = transform(row, context)
    if (result.ok) candidates.push({ position, candidate: result.value })
    else refused.push({ position, result })
  }
  return {
    page: number,
    rowCount: page.rows.length,
    body: page.body,
    candidates,
    rejections: toRejections(page, refused),
    passedOver: page.rows.length - candidates.length - refused.length
  }
}

function toRejections(page: KkiPage, refused: { position: RowPosition; result: TransformResult & { ok: false } }[]) {
  if (refused.length === 0) return []
  const isOffSchema = refused.some(({ result }) => result.rejections.some(({ code }) => code === 'SCHEMA_INVALID'))
  // JSON.parse rounds a NIK that came as a number; the stored row must be what KKI sent, so the page is read once more.
  const rows = isOffSchema ? (parseExactly(page.body.toString('utf8')) as { data: unknown[] }).data : page.rows
  return refused.map(({ position, result: { rejections, strNumber, profession, urgent } }) => {
    const raw = stringifyExactly(rows[position.pageRow - 1] ?? null)
    return refusedForContent({ position, strNumber, profession, problems: rejections, urgent, raw })
  })
}
