import type pg from 'pg'
import { sql } from './sql.ts'

const changes = sql('history/changes.sql')
const decisions = sql('history/decisions.sql')
const events = sql('history/events.sql')

/** The kinds of events in a person's history, made by batches or by people. */
export const historyKinds = [
  'created',
  'linked',
  'updated',
  /** A licence of the person moved to another person. */
  'moved_away',
  'decided',
  'edited',
  'nik_revealed',
  'reported',
  'restricted',
  'restriction_lifted',
  'erased'
] as const

/** One event in a person's history. It contains no digit of a NIK. */
export interface HistoryEntry {
  at: string
  kind: (typeof historyKinds)[number]
  /** The person or part of the service that decided, approved the batch, or started its run. */
  by: string
  reason: string | null
  batch: { id: number; kind: string; traceId: string } | null
  /** When the batch was undone, or the decision withdrawn. */
  undone: { at: string; by: string | null; reason: string | null } | null
  strNumber: string | null
  profession: string | null
  statusBefore: string | null
  statusAfter: string | null
  nameBefore: string | null
  nameAfter: string | null
  /** The former holder of a licence that moved, or its new holder. */
  otherHealthWorkerId: number | null
  fields: string[]
}

export interface History {
  items: HistoryEntry[]
  /** Older entries are left out. */
  isCut: boolean
}

/** More than a screen shows; a person has a few entries in a year. */
const mostEntries = 200

type EntryRow = Omit<HistoryEntry, 'at' | 'undone'> & {
  at: Date
  undoneAt: Date | null
  undoneBy: string | null
  undoneReason: string | null
}

/** Returns the history of a person, the latest event first. */
export async function readHistory(pool: pg.Pool, healthWorkerId: number): Promise<History> {
  const read = async (text: string) =>
    (
      await pool.query<Partial<EntryRow> & Pick<EntryRow, 'at' | 'kind' | 'by'>>(text, [
        healthWorkerId,
        mostEntries + 1
      ])
    ).rows
  const rows = [...(await read(changes)), ...(await read(decisions)), ...(await read(events))]
  return {
    items: rows
      .sort((a, b) => b.at.getTime() - a.at.getTime())
      .slice(0, mostEntries)
      .map(toEntry),
    isCut: rows.length > mostEntries
  }
}

function toEntry({
  at,
  undoneAt,
  undoneBy = null,
  undoneReason = null,
  ...row
}: Partial<EntryRow> & Pick<EntryRow, 'at' | 'kind' | 'by'>): HistoryEntry {
  return {
    at: at.toISOString(),
    kind: row.kind,
    by: row.by,
    reason: row.reason ?? null,
    batch: row.batch ?? null,
    undone: undoneAt ? { at: undoneAt.toISOString(), by: undoneBy, reason: undoneReason } : null,
    strNumber: row.strNumber ?? null,
    profession: row.profession ?? null,
    statusBefore: row.statusBefore ?? null,
    statusAfter: row.statusAfter ?? null,
    nameBefore: row.nameBefore ?? null,
    nameAfter: row.nameAfter ?? null,
    otherHealthWorkerId: row.otherHealthWorkerId ?? null,
    fields: row.fields ?? []
  }
}
