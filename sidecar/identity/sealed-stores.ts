import type { SealedColumn, SealPlace } from './seal-place.ts'
import { besideRow } from './seal-place.ts'

/** A table with sealed values; the texts are SQL over its row `t`. */
export interface SealedStore {
  table: string
  /** The column that the values are sealed for. */
  column: SealedColumn
  kind: 'nik' | 'row'
  /** `row` of the value's place. */
  row: string
  /** Source and subject of a rejected row. */
  beside?: string
  sealed: string
  digest: string
  /** For a rejected row: the digest of its NIK. */
  nik?: string
}

export const healthWorkers = nikStore('sdmk.health_worker', 'sdmk.health_worker.nik_sealed', 't.id')
export const formerNiks = nikStore('sdmk.former_nik', 'sdmk.former_nik.nik_sealed', 't.health_worker_id')
/** Values that an undo restores. */
export const changes: SealedStore = {
  ...nikStore('kki.change', 'kki.change.health_worker_before', 't.health_worker_id'),
  sealed: beforeChange('nik_sealed'),
  digest: beforeChange('nik_digest')
}
export const occurrences = rowStore(
  'kki.rejection_occurrence',
  `(select r.source || ' ' || r.subject from kki.rejection r where r.id = t.rejection_id)`
)
export const stagedRows = nikStore('kki.staged_row', 'sdmk.health_worker.nik_sealed', 't.new_health_worker_id')
export const stagedRejections = rowStore(
  'kki.staged_rejection',
  `(select case b.kind when 'import' then 'sdmk' else 'kki' end || ' ' || t.subject from kki.batch b where b.id = t.batch_id)`
)

/** The columns that `placeOf` and `openStored` need from a statement that reads sealed values. */
export function placeColumns({ row, beside }: SealedStore): string {
  return `${row} as row, ${beside ?? 'null::text'} as beside`
}

/** Returns the place of a value that `placeColumns` read. */
export function placeOf(
  { column, kind }: SealedStore,
  { row, beside }: { row: string; beside: string | null }
): SealPlace {
  return { column, row, ...(kind === 'row' && { beside: besideRow(beside ?? '') }) }
}

/** Sealed bytes of a person before a change, which an undo restores. */
export function beforeChange(field: string): string {
  return `decode(substr(t.health_worker_before ->> '${field}', 3), 'hex')`
}

function nikStore(table: string, column: SealedColumn, id: string): SealedStore {
  const row = `'health worker ' || ${id}`
  return { table, column, kind: 'nik', row, sealed: 't.nik_sealed', digest: 't.nik_digest' }
}

function rowStore(table: string, beside: string): SealedStore {
  return {
    table,
    column: 'kki.rejection_occurrence.raw_sealed',
    kind: 'row',
    row: `format('batch %s row %s', t.batch_id, t.row_no)`,
    beside,
    sealed: 't.raw_sealed',
    digest: 't.content_digest',
    nik: 't.nik_digest'
  }
}
