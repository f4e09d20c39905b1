import { createHash } from 'node:crypto'
import type pg from 'pg'
import { verifyDatabase } from '../sidecar/audit/check.ts'
import { loadIdentity } from '../sidecar/identity/keys.ts'
import { createFileSecretStore } from '../sidecar/secrets/file.ts'
import { digest } from '../test/odoo/helpers/mirror.ts'

/** The place of batch `b` within its run. */
const place = `(select count(*) from kki.batch o where o.run_id = b.run_id and o.id <= b.id)`

/**
 * The results of a run, as lines that are equal for equal outcomes: `key` identifies a record, `value` is its content. Ids,
 * versions and times are left out. A batch is identified by its place in the walk, which is cut at the same rows in
 * every run.
 */
const sections = {
  people: `select md5(coalesce(encode(h.nik_digest, 'hex'), '') || h.name_key || coalesce(h.birth_date::text, '')) as key,
      concat_ws('|', h.name, h.title_prefix, h.title_suffix, encode(h.nik_digest, 'hex'), h.birth_date, h.birth_place_key, h.sex,
        (select string_agg(r.str_number || r.profession, ',' order by r.str_number, r.profession)
          from sdmk.registration r where r.health_worker_id = h.id)) as value
    from sdmk.health_worker h`,
  registrations: `select r.str_number || ' ' || r.profession as key,
      concat_ws('|', r.status, r.source_status, r.valid_until, r.is_lifetime, r.issued_on, r.institution, r.province,
        r.source_at, encode(r.content_hash, 'hex'),
        (select string_agg(o.str_number, ',' order by o.str_number, o.profession) from sdmk.registration o
          where o.health_worker_id = r.health_worker_id),
        (select n.str_number from sdmk.registration n where n.id = r.replaced_by)) as value
    from sdmk.registration r`,
  changes: `select concat_ws(' ', r.str_number, r.profession, b.kind, ${place}) as key,
      concat_ws('|', c.operation,
        (select string_agg(f, ',' order by f) from jsonb_object_keys(c.health_worker_before) f where f !~ '(version|updated_at)'),
        (select string_agg(f, ',' order by f) from jsonb_object_keys(c.registration_before) f where f !~ '(version|updated_at)'),
        (select string_agg(o.str_number, ',' order by o.str_number, o.profession) from sdmk.registration o
          where o.health_worker_id = c.health_worker_id)) as value
    from kki.change c
      left join kki.batch b on b.id = c.batch_id
      left join sdmk.registration r on r.id = c.registration_id`,
  ledger: `select b.kind || ' ' || ${place} as key, concat_ws('|', b.state, b.fetched, b.created, b.linked, b.updated, b.unchanged,
      b.superseded, b.rejected, b.deactivated) as value
    from kki.batch b where b.kind <> 'clock' or b.fetched > 0`,
  decisions: `select d.str_number as key, concat_ws('|', encode(d.nik_digest, 'hex'), d.decided_by, d.withdrawn_at is null) as value
    from kki.decision d`,
  rejections: `select j.subject || ' ' || j.code as key, concat_ws('|', j.state, j.urgent, j.seen_count, j.rule,
      (select count(*) from kki.rejection_occurrence o where o.rejection_id = j.id)) as value
    from kki.rejection j`,
  audit: `select concat_ws(' ', a.action, b.kind, ${place}) as key, '' as value
    from kki.audit_event a join kki.batch b on b.id = a.batch_id
    where a.action not in ('batch.restarted')`
} as const

type Section = keyof typeof sections

export interface Snapshot {
  lines: Record<Section, Map<string, string[]>>
  digests: Record<Section, string>
}

/** Reads the results of a run. */
export async function takeSnapshot(pool: pg.Pool): Promise<Snapshot> {
  const snapshot = { lines: {}, digests: {} } as Snapshot
  for (const [name, text] of Object.entries(sections) as [Section, string][]) {
    const { rows } = await pool.query<{ key: string | null; value: string }>(`${text} order by key, value`)
    const hash = createHash('sha256')
    const lines = new Map<string, string[]>()
    for (const { key, value } of rows) {
      hash.update(`${key}\t${value}\n`)
      const known = lines.get(key ?? '')
      if (known) known.push(value)
      else lines.set(key ?? '', [value])
    }
    snapshot.lines[name] = lines
    snapshot.digests[name] = hash.digest('hex').slice(0, 16)
  }
  return snapshot
}

export interface Difference {
  /** Missing or different lines. */
  lost: number
  /** Additional lines. */
  duplicated: number
  /** Some of them, by section; without personal data except STR numbers of invented people. */
  examples: string[]
}

const examplesEach = 2

/** The sections with the contents of the registry, without its history. */
export const contents: readonly Section[] = ['people', 'registrations']

/** Compares with the undisturbed run: all sections, unless some are named. */
export function difference(
  expected: Snapshot,
  actual: Snapshot,
  compared: readonly Section[] = Object.keys(sections) as Section[]
): Difference {
  const found: Difference = { lost: 0, duplicated: 0, examples: [] }
  for (const name of compared) {
    if (expected.digests[name] === actual.digests[name]) continue
    const [before, after] = [expected.lines[name], actual.lines[name]]
    let told = 0
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      const [was, is] = [before.get(key) ?? [], after.get(key) ?? []]
      if (was.join('\n') === is.join('\n')) continue
      if (is.length > was.length) found.duplicated += is.length - was.length
      else found.lost += Math.max(1, was.length - is.length)
      if (told++ < examplesEach) found.examples.push(`${name} ${key}: ${short(is)} instead of ${short(was)}`)
    }
  }
  return found
}

/**
 * Returns how many rejected rows contradict a person that another batch of the run created. In another order of batches they
 * would be created and the others rejected, so outcomes of such a feed cannot be compared.
 */
export async function countByOrder(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(distinct o.rejection_id) as count
    from kki.rejection_occurrence o
      -- A row that is planned again is compared with the people of its first batch.
      join kki.batch b on b.id = o.batch_id and b.kind <> 'retry'
      join kki.rejection r on r.id = o.rejection_id and r.code in ('IDENTITY_CONFLICT', 'STR_AMBIGUOUS', 'POSSIBLE_DUPLICATE')
      join kki.change c on c.operation = 'created' and c.batch_id <> o.batch_id
      join sdmk.health_worker h on h.id = c.health_worker_id
    where h.nik_digest = o.nik_digest or h.id = any (r.candidates)`
  )
  return rows[0]?.count ?? 0
}

/** Adds the differences between Odoo and the registry of the same run. */
export async function addOdoo(found: Difference, ours: pg.Pool, theirs: pg.Pool): Promise<string> {
  const [here, there] = [await digest(ours, 'ours'), await digest(theirs, 'theirs')]
  for (const [kind, expected] of Object.entries(here)) {
    const actual = there[kind]
    if (actual?.contents === expected.contents) continue
    const surplus = (actual?.count ?? 0) - expected.count
    if (surplus > 0) found.duplicated += surplus
    else found.lost += Math.max(1, -surplus)
    found.examples.push(
      `Odoo ${kind}: ${actual?.count} rows, ${surplus === 0 ? 'of other contents' : `not ${expected.count}`}`
    )
  }
  return createHash('sha256').update(JSON.stringify(there)).digest('hex').slice(0, 16)
}

/** Adds faults of the audit chain, and batches without a complete audit. */
export async function addAudit(found: Difference, pool: pg.Pool, secretsDir: string): Promise<void> {
  const verdict = await verifyDatabase(pool, await loadIdentity(createFileSecretStore(secretsDir)))
  found.lost += verdict.findings
  for (const finding of verdict.first.slice(0, examplesEach)) found.examples.push(`audit: ${JSON.stringify(finding)}`)
  const { rows } = await pool.query<{ id: string; events: number }>(
    `select b.id::text as id, count(a.id)::int as events
    from kki.batch b left join kki.audit_event a on a.batch_id = b.id and a.action = 'batch.applied'
    where b.state = 'applied' group by b.id having count(a.id) <> 1`
  )
  for (const { id, events } of rows) {
    if (events === 0) found.lost++
    else found.duplicated++
    found.examples.push(`batch ${id} has ${events} events batch.applied`)
  }
}

function short(values: readonly string[]): string {
  const text = values.length === 0 ? 'nothing' : values.join(' + ')
  return text.length > 300 ? `${values.length} of them, ${text.slice(0, 300)} …` : text
}
