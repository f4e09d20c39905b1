import type pg from 'pg'
import { rowsPerCall } from './jobs.ts'
import { type MirroredKey, mirrored } from './mirrored.ts'

/** The summary of the records in one block of ids, which each side computes. */
export interface Block {
  block: number
  count: number
  /** The highest id. */
  version: number
  /** Sum of the hashes of the mirrored records. */
  hash: number
}

/**
 * Returns the registry's summary of one kind of record, by block. Reads all of it: a minute or two for two million
 * people.
 */
export async function readBlocks(pool: pg.Pool, key: MirroredKey): Promise<Map<number, Block>> {
  const { rows: told, block } = mirrored[key]
  const { rows } = await pool.query<Block>(
    `select r.${block} / ${rowsPerCall} as block, count(*) as count, max(r.version) as version,
      sum(('x' || left(md5(jsonb_strip_nulls(to_jsonb(r))::text), 8))::bit(32)::bigint)::bigint as hash
    from (${told}) r group by 1`
  )
  return new Map(rows.map(row => [row.block, row]))
}

/** Returns the blocks that are not the same on both sides. */
export function differingBlocks(ours: Map<number, Block>, theirs: Map<number, Block>): number[] {
  const isSame = (a: Block | undefined, b: Block | undefined) =>
    a?.count === b?.count && a?.version === b?.version && a?.hash === b?.hash
  return [...new Set([...ours.keys(), ...theirs.keys()])].filter(block => !isSame(ours.get(block), theirs.get(block)))
}
