import { isLink } from '../audit/head.ts'
import type { Head } from '../audit/link.ts'
import { type Caller, recordAudit } from '../audit/record.ts'
import { RequestInvalid } from '../errors.ts'
import type { CompareContext } from './compare-context.ts'
import type { Delivery, OdooLink } from './link.ts'
import { auditHeadPayload } from './payloads.ts'

type Delivering = Omit<Delivery, 'requestId'>

const model = 'sdmk.audit.head'

/**
 * Sends Odoo the end (head) of the audit chain, and its present links at some places where Odoo stored a head before. So
 * Odoo notices at the next event if the chain was cut off or rewritten.
 */
export async function sendAuditHead(
  { pool, link }: { pool: CompareContext['database']['pool']; link: OdooLink },
  delivery: Delivery
): Promise<void> {
  const answer = await link.deliver({ model, method: 'recall_audit_heads', payload: '{}', rows: 0 }, delivery)
  await link.deliver(await auditHeadPayload(pool, JSON.parse(answer as string) as number[]), delivery)
}

const headsPerCall = 5000
const comparing = 'odoo-compare_audit_heads'

interface NotedHead extends Head {
  id: number
}

async function* notedHeads(link: OdooLink, delivery: Delivering): AsyncGenerator<NotedHead[]> {
  for (let after = 0; ; ) {
    const payload = JSON.stringify({ after, limit: headsPerCall })
    const call = { model, method: 'compare_audit_heads', payload, rows: 0 }
    const heads = JSON.parse((await link.deliver(call, { ...delivery, requestId: comparing })) as string) as NotedHead[]
    yield heads
    const last = heads.at(-1)
    if (!last || heads.length < headsPerCall) return
    after = last.id
  }
}

/**
 * Compares all heads in Odoo with the audit chain, and returns how many are not in it. The number is stored for the metric
 * behind the alert, and Odoo receives the present links at these places. Nothing is repaired, because one of the sides was
 * altered and a person must find out which.
 */
export async function compareAuditHeads(
  { database: { pool }, link, logger }: CompareContext,
  delivery: Delivering
): Promise<number> {
  await sendAuditHead({ pool, link }, { ...delivery, requestId: 'odoo-audit-head' })
  let differing = 0
  for await (const heads of notedHeads(link, delivery)) {
    // A head of 64 zeros in Odoo states that the chain has no link at this place.
    const { rows } = await pool.query<{ seq: number }>(
      `select h.seq from unnest($1::bigint[], $2::text[]) as h (seq, hash) left join kki.audit_chain c on c.seq = h.seq
      where coalesce(encode(c.hash, 'hex'), repeat('0', 64)) <> h.hash`,
      [heads.map(({ seq }) => seq), heads.map(({ hash }) => hash)]
    )
    differing += rows.length
    if (rows.length > 0) {
      const places = [...new Set(rows.map(({ seq }) => seq))]
      await link.deliver(await auditHeadPayload(pool, places), { ...delivery, requestId: comparing })
    }
  }
  await pool.query(
    `insert into kki.audit_check (events, findings, odoo_differing) values (0, 0, $1)
    on conflict (is_last) do update set odoo_differing = excluded.odoo_differing`,
    [differing]
  )
  if (differing > 0) logger.error({ differing }, 'Odoo has noted audit heads that the audit chain does not have')
  return differing
}

export interface SetAside {
  /** A link of the chain; only later heads are set aside. */
  after: Head
  reason: string
}

/**
 * Makes Odoo stop comparing heads that a restore of the database has removed from the chain: those later than the link
 * `after` that the chain does not have. The audit event is written before Odoo is called. Returns the number of these heads.
 *
 * @throws RequestInvalid if the chain does not have the link `after`
 */
export async function setAsideAuditHeads(
  { database, link }: Pick<CompareContext, 'database' | 'link'>,
  { after, reason }: SetAside,
  caller: Caller,
  delivery: Delivering
): Promise<number> {
  const isKnown = await database.withTransaction(client => isLink(client, after))
  if (!isKnown) throw new RequestInvalid('after', 'the chain of audit events has no such link')
  const left: NotedHead[] = []
  for await (const heads of notedHeads(link, delivery)) {
    // A head of 64 zeros equals no link, so it is set aside too.
    const { rows } = await database.pool.query<NotedHead>(
      `select h.* from unnest($1::int[], $2::bigint[], $3::text[]) as h (id, seq, hash)
      left join kki.audit_chain c on c.seq = h.seq
      where h.seq > $4 and encode(c.hash, 'hex') is distinct from h.hash`,
      [heads.map(({ id }) => id), heads.map(({ seq }) => seq), heads.map(({ hash }) => hash), after.seq]
    )
    left.push(...rows)
  }
  if (left.length === 0) return 0
  const places = left.map(({ seq }) => seq).sort((a, b) => a - b)
  const detail = { after, heads: left.length, first: places.at(0), last: places.at(-1), reason }
  await database.withTransaction(client => recordAudit(client, { ...caller, action: 'audit.heads_set_aside', detail }))
  for (let from = 0; from < left.length; from += headsPerCall) {
    const ids = left.slice(from, from + headsPerCall).map(({ id }) => id)
    const call = { model, method: 'set_aside_audit_heads', payload: JSON.stringify({ ids, reason }), rows: ids.length }
    await link.deliver(call, { ...delivery, requestId: caller.requestId })
  }
  return left.length
}
