import { createHmac, timingSafeEqual } from 'node:crypto'

/** Where a record stands in the list. `id` tells injected records with equal stamp and STR apart. */
export interface Position {
  /** Milliseconds since the epoch. */
  stamp: number
  str: string
  id: string
}

/** Returns a negative number where `a` comes first, positive where `b` does, 0 for the same place. */
export function comparePositions(a: Position, b: Position): number {
  return a.stamp - b.stamp || compareText(a.str, b.str) || compareText(a.id, b.id)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * Writes and reads cursors: a position, signed together with the filters it belongs to.
 *
 * The key comes from the seed, so a cursor outlives a restart of the simulator.
 */
export class Cursors {
  readonly #key: string

  constructor(seed: number) {
    this.#key = `kki-simulator-${seed}`
  }

  /** Returns a cursor; equal input gives equal text, and `salt` tells two cursors to one position apart. */
  write(position: Position, filters: string, salt = 0): string {
    const payload = JSON.stringify([position.stamp, position.str, position.id, salt])
    return Buffer.from(payload).toString('base64url') + this.#signature(payload, filters)
  }

  /** Returns the position of a cursor, or null where it was not written here for these filters. */
  read(cursor: string, filters: string): Position | null {
    const payload = Buffer.from(cursor.slice(0, -SIGNATURE_LENGTH), 'base64url').toString()
    const given = Buffer.from(cursor.slice(-SIGNATURE_LENGTH))
    const expected = Buffer.from(this.#signature(payload, filters))
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null
    const [stamp, str, id] = JSON.parse(payload) as [number, string, string]
    return { stamp, str, id }
  }

  #signature(payload: string, filters: string): string {
    return createHmac('sha256', this.#key)
      .update(`${filters}\n${payload}`)
      .digest('base64url')
      .slice(0, SIGNATURE_LENGTH)
  }
}

const SIGNATURE_LENGTH = 16
