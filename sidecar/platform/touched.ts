import type pg from 'pg'

/** What a transaction changed that Odoo mirrors, by id of the record; of batches also all that they changed. */
export const touchKinds = [
  'batches',
  'rejections',
  'people',
  'setting',
  'auditHead',
  'changesOf',
  'rejectionsOf'
] as const
export type TouchKind = (typeof touchKinds)[number]
export type Touched = Record<TouchKind, Set<number>>

const byTransaction = new WeakMap<pg.ClientBase, Touched>()

/** Begins to collect what the client's transaction touches. */
export function collectTouched(client: pg.ClientBase): void {
  byTransaction.set(client, Object.fromEntries(touchKinds.map(kind => [kind, new Set()])) as unknown as Touched)
}

/** Notes that the client's transaction changed records of this kind: Odoo is told once it commits, if it is to be told. */
export function touch(client: pg.ClientBase, kind: TouchKind, ...ids: readonly number[]): void {
  const touched = byTransaction.get(client)
  if (touched) for (const id of ids) touched[kind].add(id)
}

/** Returns what the client's transaction touched, and forgets it. */
export function takeTouched(client: pg.ClientBase): Touched | undefined {
  const touched = byTransaction.get(client)
  byTransaction.delete(client)
  return touched
}
