import type pg from 'pg'
import type { Mapping } from '../transform/mapping.ts'

/** Updates `sdmk.profession` from the mapping; a profession that the mapping no longer has stays for its registrations. */
export async function storeProfessions(pool: pg.Pool, { professions }: Mapping): Promise<void> {
  await pool.query(
    `insert into sdmk.profession (code, name_en, name_id, profession_group)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
    on conflict on constraint profession_pkey do update
    set name_en = excluded.name_en, name_id = excluded.name_id, profession_group = excluded.profession_group
    where (profession.name_en, profession.name_id, profession.profession_group)
      is distinct from (excluded.name_en, excluded.name_id, excluded.profession_group)`,
    [
      professions.map(({ code }) => code),
      professions.map(({ nameEn }) => nameEn),
      professions.map(({ nameId }) => nameId),
      professions.map(({ group }) => group)
    ]
  )
}
