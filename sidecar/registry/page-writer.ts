import { constants, zstdCompressSync } from 'node:zlib'
import type { Identity } from '../identity/keys.ts'
import { pageOf } from '../identity/seal-place.ts'
import type { Candidate, OwnCandidate, RowPosition } from '../transform/types.ts'
import { CopyText } from './copy.ts'
import type { TakePersonIds } from './person-ids.ts'
import {
  type KnownRegistrations,
  knownValues,
  refusedForContent,
  rejectionValues,
  rowValues,
  type StagedBatch
} from './staged-lines.ts'

/** A page as lines of COPY, outside of the heap: several pages wait together for their transaction. */
export interface PreparedPage {
  /** Of the key that its rows are digested with. */
  fingerprint: Buffer
  page: number
  /** Of all its rows that are staged. */
  rowCount: number
  rejectionCount: number
  bodySealed: Buffer
  rowLines: Buffer
  knownLines: Buffer
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
  readonly #knownLines = new CopyText()
  readonly #rejectionLines = new CopyText()
  #page: number
  #rowNo: number
  #rowCount = 0
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
  add(pageRow: number, candidate: Candidate | OwnCandidate, inputDigest: string | null = null): RowPosition {
    const position = this.#next(pageRow)
    const newHealthWorkerId = candidate.nik === null ? null : this.#nextPersonId()
    const row = { position, candidate, newHealthWorkerId, inputDigest }
    this.#rowLines.add(rowValues(this.#batch.id, row, this.#identity))
    return position
  }

  /** Leaves room for a known row, and returns where it stood; it is added with the others of its page. */
  pass(pageRow: number): RowPosition {
    return this.#next(pageRow)
  }

  /** Adds the known rows of the page, and the registrations that they tell of, one beside the other. */
  mention(positions: readonly RowPosition[], registrations: KnownRegistrations): void {
    const places = { pageRows: positions.map(at => at.pageRow), rowNos: positions.map(at => at.rowNo) }
    this.#knownLines.add(knownValues(this.#batch.id, this.#page, places, registrations))
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
      fingerprint: this.#identity.fingerprint,
      page: this.#page,
      rowCount: this.#rowCount,
      rejectionCount: this.#rejectionCount,
      bodySealed: this.#identity.seal(pageOf(this.#batch.id, this.#page), compress(body)),
      rowLines: this.#rowLines.take(),
      knownLines: this.#knownLines.take(),
      rejectionLines: this.#rejectionLines.take()
    }
    this.#page++
    this.#rowCount = 0
    this.#rejectionCount = 0
    return prepared
  }

  /** Takes back the memory of pages that are stored; they must not be used after that. */
  giveBack(pages: readonly PreparedPage[]): void {
    for (const { rowLines, knownLines, rejectionLines } of pages) {
      this.#rowLines.giveBack(rowLines)
      this.#knownLines.giveBack(knownLines)
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
