import { constants, zstdCompressSync } from 'node:zlib'
import type { Identity } from '../identity/keys.ts'
import { pageOf } from '../identity/seal-place.ts'
import type { Candidate, OwnCandidate, RowPosition } from '../transform/types.ts'
import { CopyText } from './copy.ts'
import type { TakePersonIds } from './person-ids.ts'
import { refusedForContent, rejectionValues, rowValues, type StagedBatch, unchangedValues } from './staged-lines.ts'

/** A page as lines of COPY, outside of the heap: several pages wait together for their transaction. */
export interface PreparedPage {
  page: number
  /** Of all its rows. */
  rowCount: number
  rejectionCount: number
  /** Null where none of its rows is staged: nothing of it will be read again. */
  bodySealed: Buffer | null
  rowLines: Buffer
  unchangedLines: Buffer
  rejectionLines: Buffer
}

/**
 * On the main thread, at a millisecond per page: the thread pool would do it beside other work, but each of its threads
 * keeps megabytes for itself afterwards.
 */
const compress = (body: Buffer) => zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })

/**
 * Writes the pages of a batch down for its staging tables, row by row, so that nothing of a row is kept: identity numbers
 * digested and sealed, bodies compressed and sealed.
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

  /** `next`: the number of the page that it begins with, and of its first row. */
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

  /** To be called before that many rows are added: each may create a person, whose id it takes ahead. */
  async expect(rows: number): Promise<void> {
    const left = this.#personIds.slice(this.#personIdsUsed)
    const missing = Math.max(0, rows - left.length)
    this.#personIds = [...left, ...(await this.#takePersonIds(missing))]
    this.#personIdsUsed = 0
  }

  /** Adds a row in good order; `pageRow` is its place in the page, from 1. Returns where it stood. */
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

  /** Counts an unchanged row, of which nothing is staged. */
  countUnchanged(): void {
    this.#rowCount++
    this.#rowNo++
  }

  /** Adds the registrations of the page's unchanged rows, as text of a PostgreSQL array, and the warnings of all of them. */
  addUnchanged(registrationIds: string, warnings: readonly string[]): void {
    this.#unchangedLines.add(unchangedValues(this.#page, registrationIds, warnings))
  }

  /** Adds a row that is refused for its own content. */
  refuse(pageRow: number, refused: Omit<Parameters<typeof refusedForContent>[0], 'position'>): RowPosition {
    const position = this.#next(pageRow)
    this.#rejectionLines.add(rejectionValues(this.#batch, refusedForContent({ position, ...refused }), this.#identity))
    this.#rejectionCount++
    return position
  }

  /** Ends the page and begins the next; `body` is its JSON text. */
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

  /** Takes back the memory of pages that are stored; they must not be used after that. */
  giveBack(pages: readonly PreparedPage[]): void {
    for (const { rowLines, unchangedLines, rejectionLines } of pages) {
      this.#rowLines.giveBack(rowLines)
      this.#unchangedLines.giveBack(unchangedLines)
      this.#rejectionLines.giveBack(rejectionLines)
    }
  }

  #nextPersonId(): number {
    const id = this.#personIds[this.#personIdsUsed++]
    if (id === undefined) throw new Error('a row was added that was not expected')
    return id
  }

  #next(pageRow: number): RowPosition {
    this.#rowCount++
    return { rowNo: this.#rowNo++, page: this.#page, pageRow }
  }
}
