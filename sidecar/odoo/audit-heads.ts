import type { CompareContext } from './compare.ts'
import type { Delivery, OdooLink } from './link.ts'
import { auditHeadPayload } from './payloads.ts'

type Delivering = Omit<Delivery, 'requestId'>

const model = 'sdmk.audit.head'

/**
 * Tells Odoo the end of the audit chain, and what the chain holds now in some places that Odoo has noted before. A chain
 * that was cut off or made anew therefore contradicts in Odoo at the next event.
 */
export async function tellAuditHead(
  { pool, link }: { pool: CompareContext['database']['pool']; link: OdooLink },
  delivery: Delivery
): Promise<void> {
  const answer = await link.deliver({ model, method: 'recall_audit_heads', payload: '{}', rows: 0 }, delivery)
  await link.deliver(await auditHeadPayload(pool, JSON.parse(answer as string) as number[]), delivery)
}

const headsPerCall = 5000

/**
 * Returns how many of the heads that Odoo has noted are not in the chain of audit events, and stores that for the metric
 * that alarms. Odoo is told what the chain holds in those places. Nothing is repaired: either side was changed, and a
 * person must find out which.
 */
export async function compareAuditHeads(
  { database: { pool }, link, logger }: CompareContext,
  delivery: Delivering
): Promise<number> {
  const requestId = 'odoo-compare_audit_heads'
  await tellAuditHead({ pool, link }, { ...delivery, requestId: 'odoo-audit-head' })
  let differing = 0
  for (let after = 0; ; ) {
    const payload = JSON.stringify({ after, limit: headsPerCall })
    const answer = await link.deliver(
      { model, method: 'compare_audit_heads', payload, rows: 0 },
      { ...delivery, requestId }
    )
    const heads = JSON.parse(answer as string) as { id: number; seq: number; hash: string }[]
    // Odoo holds 64 zeros where it was told that the chain has no link there.
    const { rows } = await pool.query<{ seq: number }>(
      `select h.seq from unnest($1::bigint[], $2::text[]) as h (seq, hash) left join kki.audit_chain c on c.seq = h.seq
      where coalesce(encode(c.hash, 'hex'), repeat('0', 64)) <> h.hash`,
      [heads.map(({ seq }) => seq), heads.map(({ hash }) => hash)]
    )
    differing += rows.length
    if (rows.length > 0) {
      const places = [...new Set(rows.map(({ seq }) => seq))]
      await link.deliver(await auditHeadPayload(pool, places), { ...delivery, requestId })
    }
    const last = heads.at(-1)
    if (!last || heads.length < headsPerCall) break
    after = last.id
  }
  await pool.query(
    `insert into kki.audit_check (events, findings, odoo_differing) values (0, 0, $1)
    on conflict (is_last) do update set odoo_differing = excluded.odoo_differing`,
    [differing]
  )
  if (differing > 0) logger.error({ differing }, 'Odoo has noted other audit events than there are')
  return differing
}
