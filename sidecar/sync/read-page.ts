import { setImmediate as nextTurn } from 'node:timers/promises'
import { rowTexts } from '../registry/exact-json.ts'
import type { PageWriter, PreparedPage } from '../registry/page-writer.ts'
import type { DigestedCandidate, Unchanged } from '../registry/unchanged.ts'
import type { KkiPage } from '../source/types.ts'
import type { Transform } from '../transform/transform.ts'
import type { TransformResult } from '../transform/types.ts'
import type { FormatErrorLog } from './format-errors.ts'

export interface ReadPageOptions {
  transform: Transform
  maxSkewMs: number
  /** Finds rows that need not be staged; if absent, all are staged. */
  findUnchanged?: (rows: (DigestedCandidate | null)[]) => Promise<Unchanged>
  formatErrors?: Pick<FormatErrorLog, 'add'>
  /** Skips rows of some professions, which are not part of the batch. Null is an unreadable profession. */
  isWanted?: (profession: string | null) => boolean
}

/** Rows after which other work may run, since requests of the API would otherwise wait for a whole page. */
const rowsPerTurn = 20

/** Transforms the rows of a page of KKI and returns the page to stage. */
export async function readPage(
  { rows, body, sourceNow }: Pick<KkiPage, 'rows' | 'body' | 'sourceNow'>,
  writer: PageWriter,
  { transform, maxSkewMs, findUnchanged, formatErrors, isWanted = () => true }: ReadPageOptions
): Promise<PreparedPage> {
  const results: (TransformResult | null)[] = []
  const digested: (DigestedCandidate | null)[] = []
  for (const [i, row] of rows.entries()) {
    if (i % rowsPerTurn === 0) await nextTurn()
    const result = transform(row, { sourceNow, maxSkewMs })
    // A deactivation without a readable profession has an empty one.
    const profession = (result.ok ? result.value.profession : result.profession) || null
    const wanted = isWanted(profession) ? result : null
    results.push(wanted)
    digested.push(wanted?.ok ? { candidate: wanted.value, nikDigest: writer.digestOf(wanted.value) } : null)
  }
  const unchanged = await findUnchanged?.(digested)
  await writer.expect(rows.length - (unchanged?.places.size ?? 0))
  const textOf = rowTexts(body, rows)
  const warnings: string[] = []
  for (const [i, result] of results.entries()) {
    if (i % rowsPerTurn === 0) await nextTurn()
    const row = digested[i]
    if (result === null) continue
    if (unchanged?.places.has(i)) {
      writer.countUnchanged()
      if (result.ok) warnings.push(...result.value.warnings)
    } else if (row) {
      const position = writer.add(i + 1, row.candidate, row.nikDigest)
      formatErrors?.add(position, row.candidate.problems)
    } else if (!result.ok) {
      const { rejections: problems, ok: _, ...refused } = result
      const position = writer.reject(i + 1, { ...refused, problems, raw: textOf(i) })
      formatErrors?.add(position, problems)
    }
  }
  if (unchanged?.registrationIds) writer.addUnchanged(unchanged.registrationIds, warnings)
  return writer.finish(body)
}
