import { setImmediate as nextTurn } from 'node:timers/promises'
import { KkiContractBroken } from '../kki/errors.ts'
import type { KkiPage } from '../kki/types.ts'
import type { JsonList } from '../platform/json-list.ts'
import { compactExactly } from '../registry/exact-json.ts'
import type { KnownRows } from '../registry/known.ts'
import type { PageWriter, PreparedPage } from '../registry/page-writer.ts'
import type { Transform } from '../transform/transform.ts'
import type { RowPosition } from '../transform/types.ts'
import type { FormatErrorLog } from './format-errors.ts'

export interface ReadPageOptions {
  transform: Transform
  maxSkewMs: number
  /** Knows rows that need not be read; absent where all are to be. */
  knownRows?: Pick<KnownRows, 'find'>
  formatErrors?: Pick<FormatErrorLog, 'add'>
}

/** Rows after which whatever else waits has its turn: requests of the API would feel a whole page. */
const rowsPerTurn = 20

/**
 * Reads a page of KKI and returns it as it is to be staged. One row is in hand at a time.
 * @throws KkiContractBroken where a row is not JSON
 */
export async function readPage(
  { rows, body, sourceNow }: Pick<KkiPage, 'rows' | 'body' | 'sourceNow'>,
  writer: PageWriter,
  { transform, maxSkewMs, knownRows, formatErrors }: ReadPageOptions
): Promise<PreparedPage> {
  const places = Array.from({ length: rows.length }, (_, place) => place)
  const found = await knownRows?.find(rows, places)
  const known = new Set(found?.places)
  const passed = new Map<number, RowPosition>()
  await writer.expect(places.length - known.size)
  let read = 0
  for (const [n, place] of places.entries()) {
    const pageRow = place + 1
    if (known.has(place)) {
      passed.set(place, writer.pass(pageRow))
      continue
    }
    if (read++ % rowsPerTurn === 0) await nextTurn()
    const result = transform(readRow(rows, place), { sourceNow, maxSkewMs })
    if (result.ok) {
      const position = writer.add(pageRow, result.value, found?.digests[n])
      formatErrors?.add(position, result.value.problems)
    } else {
      const { rejections: problems, ok: _, ...refused } = result
      const position = writer.refuse(pageRow, { ...refused, problems, raw: compactExactly(rows.text(place)) })
      formatErrors?.add(position, problems)
    }
  }
  if (found?.registrations) {
    writer.mention(
      found.places.map(place => passed.get(place) as RowPosition),
      found.registrations
    )
  }
  return writer.finish(body)
}

function readRow(rows: JsonList, place: number): unknown {
  try {
    return rows.value(place)
  } catch {
    // The parser's own error quotes the row, which is personal data: it must not travel as a cause.
    throw new KkiContractBroken(`KKI sent a row that is not valid JSON, number ${place + 1} of its page`)
  }
}
