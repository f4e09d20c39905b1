import type pg from 'pg'

/** Reserves ids for people who may be created. Unused ids are lost, as in any sequence. */
export type TakePersonIds = (count: number) => Promise<number[]>

/**
 * Returns a function that reserves ids of people in bulk. A row is staged with the id of the person that it may create. So
 * its NIK can be sealed for that person at once, and the plan copies the sealed value unchanged.
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
