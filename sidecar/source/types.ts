/** What one list request asks KKI for. Times are ISO instants; absent means no bound. */
export interface PageQuery {
  /** KKI's own profession code; absent asks for all. */
  profession?: string
  changedSince?: string
  changedUntil?: string
  /** Opaque; absent asks for the first page. */
  cursor?: string
  limit: number
  /** The first row is one that came before, asked for again: `keys` has it, and `rows` and `body` do not. */
  isOverlapped?: boolean
}

/** Asks for all records of one STR, in any spelling. */
export interface StrQuery {
  strNumber: string
}

export type KkiQuery = PageQuery | StrQuery

/** One page: its rows as `JSON.parse` reads them, and `body`, from which a rejected row is stored as KKI sent it. */
export interface KkiPage {
  rows: readonly unknown[]
  /** Records of the answer, before a record becomes several rows and rows outside the window are left out. */
  received: number
  /** Opaque; `null` after the last page. */
  nextCursor: string | null
  /** What only a page with the same rows has as well; `null` where cursors show a repeated page. */
  fingerprint: string | null
  /** What tells each received record from others, in order; empty where pages are not counted. */
  keys: readonly string[]
  /** KKI's estimate; `null` where it gave none. */
  total: number | null
  /** KKI's time, in milliseconds since the epoch. */
  sourceNow: number
  /** JSON text of an object with the rows under `data`. */
  body: Buffer
  /** Gives the memory of `body` back, which must not be used after that. Who keeps a page need not. */
  release(): void
}

/** What a fetch needs to know about its caller, so that every hop carries the same ids. */
export interface CallContext {
  requestId: string
  /** W3C trace id, 32 hex digits. */
  traceId: string
  /** Aborting it ends the call, waits between retries included, with the signal's reason. */
  signal: AbortSignal
  /** Number of the page inside its walk, counted from 1; errors and log lines name it. */
  page?: number
}

/** How pages are counted where the source names no next one. */
export interface Counting {
  by: 'pages' | 'rows'
  /** The number of the first page or row. */
  first: number
  /** Pages that may be asked for at once. */
  atOnce: number
}

/** KKI as the rest of the sidecar sees it. */
export interface KkiClient {
  /** Asks for one page, with its retries. @throws KkiError subclasses; see `source/errors.ts`. */
  fetchPage(query: PageQuery, context: CallContext): Promise<KkiPage>
  /** Asks for the records of one STR, with its retries; null where KKI lists none. @throws KkiError subclasses */
  fetchByStr(strNumber: string, context: CallContext): Promise<KkiPage | null>
  /** Whether records can be asked for by their STR. */
  readonly canAskByStr: boolean
  /** `null` where each page names the next one. */
  readonly counting: Counting | null
  /** KKI's present time, in milliseconds since the epoch; asks for one row to learn it. */
  now(context: CallContext): Promise<number>
  /** State of the breaker: 0 closed, 1 half-open, 2 open. */
  readonly breakerState: 0 | 1 | 2
  close(): Promise<void>
}
