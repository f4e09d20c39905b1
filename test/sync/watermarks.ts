import type pg from 'pg'

/** Stores watermarks that are so far from the present, as intervals of PostgreSQL. */
export async function insertWatermarks(pool: pg.Pool, watermarks: Record<string, string>): Promise<void> {
  await pool.query(
    `with run as (
      insert into kki.run (triggered_by, mode, actor, request_id, trace_id)
      values ('api', 'full', 'test', 'test', repeat('0', 32)) returning id
    ), batch as (
      insert into kki.batch (run_id, kind, partition, trace_id) select id, 'full', '*', repeat('0', 32) from run returning id
    )
    insert into kki.watermark (partition, position, batch_id)
    select w.partition, now() + w.distance, batch.id from batch, unnest($1::text[], $2::interval[]) w (partition, distance)`,
    [Object.keys(watermarks), Object.values(watermarks)]
  )
}

/** Returns the position of each partition, as an ISO instant. */
export async function readPositions(pool: pg.Pool): Promise<Record<string, string>> {
  const { rows } = await pool.query<{ partition: string; position: Date }>(
    'select partition, position from kki.watermark'
  )
  return Object.fromEntries(rows.map(({ partition, position }) => [partition, position.toISOString()]))
}
