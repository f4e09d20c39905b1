import type pg from 'pg'

/** Takes ids for people who may be created. Those that nobody gets are lost, as in any sequence. */
export type TakePersonIds = (count: number) => Promise<number[]>

/**
 * Returns what takes ids of people ahead, many at a time. A row is staged with the id that its person will have where it
 * creates one, so that its NIK is sealed for that person at once, and the plan moves it unchanged.
 */
export function takePersonIdsFrom(client: pg.ClientBase | pg.Pool): TakePersonIds {
  return async count => {
    if (count === 0) return []
    const { rows } = await client.query<{ id: number }>(
      `select nextval('sdmk.health_worker_id_seq') as id from generate_series(1, $1)`,
      [count]
    )
    return rows.map(({ id }) => id)
  }
}
