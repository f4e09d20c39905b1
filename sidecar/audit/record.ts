import type pg from 'pg'
import type { Role } from '../platform/roles.ts'
import type { AuditAction } from './actions.ts'

/** The actor and the request, which every audit event has. */
export interface Caller {
  /** The operator's login, the key's name, or the part of the sidecar that acted automatically. */
  actor: string
  apiKeyId: number | null
  /** The operator's role, which the sidecar checked; stored in the detail. */
  role?: Role | null
  requestId: string
  /** 32 hex digits. */
  traceId: string
}

export interface AuditEvent extends Caller {
  action: AuditAction
  runId?: number
  batchId?: number
  /** Never a name, NIK or STR number. */
  detail?: Record<string, unknown>
}

/** Writes an audit event within the caller's transaction, so that both are committed or neither. */
export async function recordAudit(client: pg.ClientBase, event: AuditEvent): Promise<void> {
  await client.query(
    `insert into kki.audit_event (action, actor, api_key_id, run_id, batch_id, request_id, trace_id, detail)
    values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      event.action,
      event.actor,
      event.apiKeyId,
      event.runId ?? null,
      event.batchId ?? null,
      event.requestId,
      event.traceId,
      JSON.stringify({ ...event.detail, ...(event.role && { role: event.role }) })
    ]
  )
}
