import { zstdDecompressSync } from 'node:zlib'
import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import { pageOf } from '../identity/seal-place.ts'
import { parseJson } from '../platform/json-text.ts'
import { rowTexts } from './exact-json.ts'
import { stagingOf } from './staging.ts'

/** Sealed pages that are read at a time; only one is opened at a time. */
const pagesAtATime = 16

/** Yields rows of a batch with their JSON text, in which numbers are exact. `rows` must be in the order of their pages. */
export async function* readRowTexts<Row extends { page: number; pageRow: number }>(
  client: pg.ClientBase,
  batchId: number,
  identity: Identity,
  rows: readonly Row[]
): AsyncGenerator<[row: Row, text: string], void, void> {
  const wanted = Map.groupBy(rows, ({ page }) => page)
  const numbers = [...wanted.keys()]
  for (let i = 0; i < numbers.length; i += pagesAtATime) {
    const { rows: pages } = await client.query<{ page: number; body_sealed: Buffer }>(
      `select page, body_sealed from ${stagingOf(batchId)}.staged_page where page = any ($1::int[])`,
      [numbers.slice(i, i + pagesAtATime)]
    )
    for (const { page, body_sealed } of pages) {
      yield* textsOf(identity.open(pageOf(batchId, page), body_sealed), wanted.get(page) ?? [])
    }
  }
}

/** Larger than any page, so that its text comes in one piece. Unwritten parts use no memory. */
const chunkSize = 2 ** 20

function textsOf<Row extends { pageRow: number }>(
  compressed: Buffer,
  rows: readonly Row[]
): [row: Row, text: string][] {
  const page = zstdDecompressSync(compressed, { chunkSize })
  const { data } = parseJson(page) as { data: unknown[] }
  const textOf = rowTexts(page, data)
  const texts = rows.map((row): [Row, string] => [row, textOf(row.pageRow - 1)])
  // Freed at once, because the garbage collector would keep dozens of pages.
  if (page.buffer instanceof ArrayBuffer && page.buffer.byteLength >= chunkSize) page.buffer.transfer(0)
  return texts
}
