import type { World } from '../world.ts'

const count = 500

export interface Known {
  id: number
  str: string
  nik: string
  name: string
}

/** Returns people of the registry in turn, spread over it, so that no search uses the cached pages of the previous one. */
export async function samplePeople({ pool, call }: World): Promise<{ next(): Known }> {
  const { rows } = await pool.query<Omit<Known, 'nik'>>(
    `select h.id, h.name, r.str_number as str
    from sdmk.health_worker h join sdmk.registration r on r.health_worker_id = h.id
    where h.nik_digest is not null order by h.nik_digest limit $1`,
    [count]
  )
  const people: Known[] = []
  for (const row of rows) {
    const { nik } = await call<{ nik: string }>(`/v1/health-workers/${row.id}/reveal`, { reason: 'benchmark' })
    people.push({ ...row, nik })
  }
  let turn = 0
  return {
    next() {
      const person = people[turn++ % people.length]
      if (!person) throw new Error('the registry has no people')
      return person
    }
  }
}
