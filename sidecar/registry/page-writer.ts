import { constants, zstdCompressSync } from 'node:zlib'
import type { Identity } from '../identity/keys.ts'
import { pageOf } from '../identity/seal-place.ts'
import type { Candidate, OwnCandidate, RowPosition } from '../transform/types.ts'
import { CopyText } from './copy.ts'
import type { TakePersonIds } from './person-ids.ts'
import { rejectedForContent, rejectionValues, rowValues, type StagedBatch, unchangedValues } from './staged-lines.ts'

/** The lines of a page for COPY. They are outside of the JavaScript heap, because several pages wait for a transaction. */
export interface PreparedPage {
  page: number
  /** Number of all rows, including unchanged and rejected ones. */
  rowCount: number
  rejectionCount: number
  /** Null if none of its rows is staged, because the page is then not read again. */
  bodySealed: Buffer | null
  rowLines: Buffer
  unchangedLines: Buffer
  rejectionLines: Buffer
}

/**
 * Compresses on the main thread, which takes a millisecond per page. Threads of the pool would work concurrently, but each of
 * them would keep megabytes of memory afterwards.
 */
const compress = (body: Buffer) => zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })

/**
 * Converts the pages of a batch to lines for its staging tables, row by row, so that no row stays in memory. Identity numbers
 * are digested and sealed; the bodies of pages are compressed and sealed.
 */
export class PageWriter {
  readonly #batch: StagedBatch
  readonly #identity: Identity
  readonly #takePersonIds: TakePersonIds
  #personIds: number[] = []
  #personIdsUsed = 0
  readonly #rowLines = new CopyText()
  readonly #unchangedLines = new CopyText()
  readonly #rejectionLines = new CopyText()
  #page: number
  #rowNo: number
  #rowCount = 0
  #candidateCount = 0
  #rejectionCount = 0

  /** `next`: the numbers of the first page and of its first row. */
  constructor(
    batch: StagedBatch,
    identity: Identity,
    takePersonIds: TakePersonIds,
    next: { page: number; rowNo: number } = { page: 1, rowNo: 1 }
  ) {
    this.#batch = batch
    this.#identity = identity
    this.#takePersonIds = takePersonIds
    this.#page = next.page
    this.#rowNo = next.rowNo
  }

  /** Reserves ids of people. Call it before adding this many rows, because each of them may create a person. */
  async expect(rows: number): Promise<void> {
    const left = this.#personIds.slice(this.#personIdsUsed)
    const missing = Math.max(0, rows - left.length)
    this.#personIds = [...left, ...(await this.#takePersonIds(missing))]
    this.#personIdsUsed = 0
  }

  /** Adds a valid row; `pageRow` is its place in the page, from 1. Returns its place in the batch. */
  add(
    pageRow: number,
    candidate: Candidate | OwnCandidate,
    nikDigest: Buffer | null = this.digestOf(candidate)
  ): RowPosition {
    const position = this.#next(pageRow)
    const newHealthWorkerId = candidate.nik === null ? null : this.#nextPersonId()
    const row = { position, candidate, newHealthWorkerId, nikDigest }
    this.#rowLines.add(rowValues(row, this.#identity))
    this.#candidateCount++
    return position
  }

  /** Returns the digest of the row's NIK. */
  digestOf({ nik }: Candidate | OwnCandidate): Buffer | null {
    return nik === null ? null : this.#identity.digestNik(nik)
  }

  /** Counts an unchanged row, which is not staged. */
  countUnchanged(): void {
    this.#rowCount++
    this.#rowNo++
  }

  /** Adds the registrations of the page's unchanged rows, as the text of a PostgreSQL array, and the warnings of these rows. */
  addUnchanged(registrationIds: string, warnings: readonly string[]): void {
    this.#unchangedLines.add(unchangedValues(this.#page, registrationIds, warnings))
  }

  /** Adds a row that is rejected for its content. */
  reject(pageRow: number, row: Omit<Parameters<typeof rejectedForContent>[0], 'position'>): RowPosition {
    const position = this.#next(pageRow)
    this.#rejectionLines.add(rejectionValues(this.#batch, rejectedForContent({ position, ...row }), this.#identity))
    this.#rejectionCount++
    return position
  }

  /** Ends the page and starts the next one; `body` is its JSON text. */
  finish(body: Buffer): PreparedPage {
    const prepared = {
      page: this.#page,
      rowCount: this.#rowCount,
      rejectionCount: this.#rejectionCount,
      bodySealed:
        this.#candidateCount > 0 ? this.#identity.seal(pageOf(this.#batch.id, this.#page), compress(body)) : null,
      rowLines: this.#rowLines.take(),
      unchangedLines: this.#unchangedLines.take(),
      rejectionLines: this.#rejectionLines.take()
    }
    this.#page++
    this.#rowCount = 0
    this.#candidateCount = 0
    this.#rejectionCount = 0
    return prepared
  }

  /** Reuses the memory of stored pages; they must not be used afterwards. */
  giveBack(pages: readonly PreparedPage[]): void {
    for (const { rowLines, unchangedLines, rejectionLines } of pages) {
      this.#rowLines.giveBack(rowLines)
      this.#unchangedLines.giveBack(unchangedLines)
      this.#rejectionLines.giveBack(rejectionLines)
    }
  }

  #nextPersonId(): number {
    const id = this.#personIds[this.#personIdsUsed++]
    if (id === undefined) throw new Error('no id was reserved for the row')
    return id
  }

  #next(pageRow: number): RowPosition {
    this.#rowCount++
    return { rowNo: this.#rowNo++, page: this.#page, pageRow }
  }
}
