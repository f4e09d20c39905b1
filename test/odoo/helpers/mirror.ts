import assert from 'node:assert/strict'
import type pg from 'pg'

/** The values of both sides for each kind, independent of the code for the payloads. */
const sides = {
  people: {
    ours: `select id, version, concat_ws('|', id, version, coalesce(name, '-'), coalesce(title_prefix, '-'),
        coalesce(title_suffix, '-'), nik_digest is not null, coalesce(birth_place, '-'), coalesce(birth_date::text, '-'),
        coalesce(sex, '-')) as line from sdmk.health_worker`,
    theirs: `select id, version, concat_ws('|', id, version::bigint, coalesce(name, '-'), coalesce(title_prefix, '-'),
        coalesce(title_suffix, '-'), has_nik, coalesce(birth_place, '-'),
        coalesce(birth_date::text, '-'), coalesce(sex, '-')) as line from sdmk_health_worker where active`
  },
  registrations: {
    ours: `select id, version, concat_ws('|', id, version, health_worker_id, str_number, profession, coalesce(competence, '-'),
        status, source_status, coalesce(issued_on::text, '-'), coalesce(valid_until::text, '-'), is_lifetime,
        coalesce(institution, '-'), coalesce(graduation_year::text, '-'), coalesce(province, '-'),
        date_trunc('second', source_at at time zone 'UTC'), match_reason) as line from sdmk.registration`,
    theirs: `select id, version, concat_ws('|', id, version::bigint, health_worker_id, str_number, profession,
        coalesce(competence, '-'), status, source_status, coalesce(issued_on::text, '-'), coalesce(valid_until::text, '-'),
        is_lifetime, coalesce(institution, '-'), coalesce(graduation_year::text, '-'), coalesce(province, '-'), source_at,
        match_reason) as line from sdmk_registration where active`
  },
  batches: {
    ours: `select id, version, concat_ws('|', id, version, run_id, kind, coalesce(profession, '-'), state, pages, fetched, created, linked, updated,
        unchanged, superseded, rejected, deactivated, trace_id, coalesce(array_to_string(hold_reasons, ' '), '-'),
        coalesce(date_trunc('second', finished_at at time zone 'UTC')::text, '-')) as line from kki.batch`,
    theirs: `select id, version, concat_ws('|', id, version::bigint, run_id, kind, coalesce(profession, '-'), state, pages, fetched, created,
        linked, updated, unchanged, superseded, rejected, deactivated, trace_id, coalesce(hold_reasons, '-'),
        coalesce(finished_at::text, '-')) as line from sdmk_batch`
  },
  rejections: {
    ours: `select id, version, concat_ws('|', id, version, code, state, urgent, coalesce(str_number, '-'),
        coalesce(profession, '-'), seen_count, first_batch_id, last_batch_id, coalesce(closed_by_batch_id, 0),
        coalesce(decided_by, '-'), coalesce(decision_reason, '-')) as line from kki.rejection`,
    theirs: `select id, version, concat_ws('|', id, version::bigint, code, state, urgent, coalesce(str_number, '-'),
        coalesce(profession, '-'), seen_count, first_batch_id, last_batch_id, coalesce(closed_by_batch_id, 0),
        coalesce(decided_by, '-'), coalesce(decision_reason, '-')) as line from sdmk_rejection`
  }
}

export interface Digest {
  count: number
  versions: number
  contents: string | null
}

/** Returns of each kind how many there are, the sum of their versions and a hash over their contents. */
export async function digest(pool: pg.Pool, side: 'ours' | 'theirs'): Promise<Record<string, Digest>> {
  const digests: Record<string, Digest> = {}
  for (const [kind, statements] of Object.entries(sides)) {
    const { rows } = await pool.query(
      `select count(*)::int as count, coalesce(sum(version), 0)::float8 as versions,
        md5(string_agg(line, E'\\n' order by id)) as contents
      from (${statements[side]}) s`
    )
    digests[kind] = rows[0]
  }
  return digests
}

/** Fails, naming a line that differs, unless Odoo's database equals the registry. */
export async function assertMirrored(ours: pg.Pool, theirs: pg.Pool): Promise<void> {
  const [here, there] = [await digest(ours, 'ours'), await digest(theirs, 'theirs')]
  for (const [kind, statements] of Object.entries(sides)) {
    if (here[kind]?.contents === there[kind]?.contents) continue
    const lines = async (pool: pg.Pool, text: string) =>
      (await pool.query<{ line: string }>(`${text} order by id`)).rows
    const expected = new Set((await lines(ours, statements.ours)).map(({ line }) => line))
    const odd = (await lines(theirs, statements.theirs)).find(({ line }) => !expected.has(line))
    assert.deepEqual(there[kind], here[kind], `${kind}: Odoo has ${odd?.line ?? 'too few'}`)
  }
  assert.deepEqual(there, here)
}
