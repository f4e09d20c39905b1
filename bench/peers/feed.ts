import { walk } from '../ceiling.ts'
import type { Kki } from '../world.ts'

/** The rows of a walk over KKI's whole list. */
export interface Feed {
  rows: number
  /** Rows with an STR and a profession, and the number of different pairs of both. */
  withKey: number
  keys: number
}

/** Counts the rows of a simulated KKI by a separate walk. */
export async function countFeed(kki: Kki, pageSize: number): Promise<Feed> {
  let rows = 0
  let withKey = 0
  const keys = new Set<string>()
  await walk(kki, pageSize, page => {
    const { data } = JSON.parse(page.toString()) as { data: unknown[] }
    for (const row of data) {
      rows++
      // An item may be null, a number or a list.
      const { nomor_str = null, profesi = null } = (row ?? {}) as Record<string, unknown>
      if (nomor_str === null || profesi === null) continue
      withKey++
      keys.add(JSON.stringify([nomor_str, profesi]))
    }
  })
  return { rows, withKey, keys: keys.size }
}
