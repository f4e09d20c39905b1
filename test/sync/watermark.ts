import type pg from 'pg'

/** Stores a watermark that is so far from the present, as an interval of PostgreSQL. */
export async function insertWatermark(pool: pg.Pool, distance: string): Promise<void> {
  await pool.query(`insert into kki.watermark (integration, position) values ('kki', now() + $1::interval)`, [distance])
}

/** Returns the position of the watermark as an ISO instant; null without one. */
export async function readPosition(pool: pg.Pool): Promise<string | null> {
  const { rows } = await pool.query<{ position: Date }>('select position from kki.watermark')
  return rows[0]?.position.toISOString() ?? null
}
