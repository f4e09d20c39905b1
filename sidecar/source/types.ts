/** The parameters of one list request to KKI. Times are ISO instants; absent means no bound. */
export interface PageQuery {
  /** KKI's own profession code; absent means all. */
  profession?: string
  changedSince?: string
  changedUntil?: string
  /** Opaque; absent means the first page. */
  cursor?: string
  limit: number
  /** The first row is repeated from an earlier page: `keys` has it, and `rows` and `body` do not. */
  isOverlapped?: boolean
}

/** A request for all records of one STR, in any spelling. */
export interface StrQuery {
  strNumber: string
}

export type KkiQuery = PageQuery | StrQuery

/** One page: its rows from `JSON.parse`, and `body`, from which the original text of a rejected row is stored. */
export interface KkiPage {
  rows: readonly unknown[]
  /** Records of the answer, before a record becomes several rows and rows outside the window are left out. */
  received: number
  /** Opaque; `null` after the last page. */
  nextCursor: string | null
  /** A digest that only pages with the same rows share; `null` if cursors show a repeated page. */
  fingerprint: string | null
  /** The key of each received record, in order; empty if pages are not counted. */
  keys: readonly string[]
  /** KKI's number of rows; `null` if it sent none. */
  total: number | null
  /** KKI's time, in milliseconds since the epoch. */
  sourceNow: number
  /** JSON text of an object with the rows under `data`. */
  body: Buffer
  /** Releases the memory of `body`, which must not be used afterwards. The call is optional. */
  release(): void
}

/** Ids of the caller, which every request carries. */
export interface CallContext {
  requestId: string
  /** W3C trace id, 32 hex digits. */
  traceId: string
  /** Aborting it ends the call, including waits between retries, with the signal's reason. */
  signal: AbortSignal
  /** Number of the page within its walk, counted from 1; errors and log lines name it. */
  page?: number
}

/** How pages are counted if the source names no next page. */
export interface Counting {
  by: 'pages' | 'rows'
  /** The number of the first page or row. */
  first: number
  /** Pages that may be requested concurrently. */
  atOnce: number
}

/** The interface to KKI for the rest of the sidecar. */
export interface KkiClient {
  /** Requests one page, with retries. @throws KkiError subclasses; see `source/errors.ts`. */
  fetchPage(query: PageQuery, context: CallContext): Promise<KkiPage>
  /** Requests the records of one STR, with retries; null if KKI has none. @throws KkiError subclasses */
  fetchByStr(strNumber: string, context: CallContext): Promise<KkiPage | null>
  /** Whether records can be requested by their STR. */
  readonly canAskByStr: boolean
  /** `null` if each page names the next one. */
  readonly counting: Counting | null
  /** KKI's present time, in milliseconds since the epoch; it requests one row for this. */
  now(context: CallContext): Promise<number>
  /** State of the breaker: 0 closed, 1 half-open, 2 open. */
  readonly breakerState: 0 | 1 | 2
  close(): Promise<void>
}
