import type { FastifyInstance } from 'fastify'
import type pg from 'pg'
import { ledgerCounters } from '../batch-terms.ts'
import { countNotListed } from '../registry/not-listed.ts'
import { rejectionCodes, warningCodes } from '../transform/codes.ts'
import { type Batch, type HoldReason, holdReasons, ledgerOf } from './batch.ts'
import { nextDue } from './schedule.ts'
import { readSetting } from './settings.ts'
import { isOverRejectRatio, readTroubles, troubles } from './troubles.ts'

declare module 'fastify' {
  interface FastifyInstance {
    syncMetrics: SyncMetrics
  }
}

/** Jobs that can fail for good: jobs of batches by their work, the others by their queue. */
export const failedWork = ['fetch', 'apply', 'approved', 'undo', 'reprocess', 'audit_check', 'maintenance'] as const
export type FailedWork = (typeof failedWork)[number]

/** Metrics of the life of a batch. */
export interface SyncMetrics {
  batchApplied(batch: Batch, rejectAlertRatio: number): void
  batchHeld(reasons: readonly HoldReason[]): void
  batchEnded(state: 'failed' | 'cancelled', count?: number): void
  phaseEnded(phase: 'fetch' | 'plan' | 'apply', seconds: number): void
  purged(what: Purged, count: number): void
  /** A job failed for good after unexpected errors. */
  jobFailed(work: FailedWork): void
  /** Counts the codes of a batch's rejections and warnings, while its staging is still there. */
  countProblems(pool: pg.Pool, batchId: number): Promise<void>
}

/**
 * Creates the metrics of runs and batches. Every label value exists from the start at 0, because `increase()` would miss the
 * first event otherwise. Metrics of the whole system are read from the database at each scrape, so every replica reports the
 * same; aggregate them with `max`.
 */
export function createSyncMetrics(app: FastifyInstance, timeZone: string): SyncMetrics {
  const { client } = app.metrics
  const counter = (name: string, help: string, label: string, values: readonly string[]) => {
    const made = new client.Counter({ name, help, labelNames: [label] })
    for (const value of values) made.inc({ [label]: value }, 0)
    return (value: string, count = 1) => made.inc({ [label]: value }, count)
  }
  const rows = counter('sdmk_kki_rows_total', 'Rows of applied batches, by outcome', 'outcome', ledgerCounters)
  const rejections = counter('sdmk_kki_rejections_total', 'Rejected rows, by code', 'code', rejectionCodes)
  const warnings = counter('sdmk_kki_warnings_total', 'Rows with a warning, by code', 'code', warningCodes)
  const batches = counter('sdmk_kki_batches_total', 'Batches that ended', 'state', ['applied', 'failed', 'cancelled'])
  const held = counter('sdmk_kki_batches_held_total', 'Batches that were held, by reason', 'reason', holdReasons)
  const purged = counter('sdmk_retention_purged_total', 'Data deleted after its retention', 'what', purgedThings)
  const failed = counter(
    'sdmk_jobs_failed_total',
    'Jobs that failed for good after unexpected errors',
    'work',
    failedWork
  )
  const overRatio = new client.Counter({
    name: 'sdmk_kki_batches_over_reject_ratio_total',
    help: 'Applied batches with many rejected rows, and more than the share in the setting'
  })
  const duration = new client.Histogram({
    name: 'sdmk_kki_batch_duration_seconds',
    help: 'Time of a batch in a phase',
    labelNames: ['phase'],
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600]
  })
  for (const phase of ['fetch', 'plan', 'apply']) duration.zero({ phase })
  createDatabaseGauges(app, timeZone)

  return {
    batchApplied(batch, rejectAlertRatio) {
      if (isOverRejectRatio(batch, rejectAlertRatio)) overRatio.inc()
      const ledger = ledgerOf(batch)
      for (const outcome of ledgerCounters) rows(outcome, ledger[outcome])
      batches('applied')
    },
    batchHeld(reasons) {
      for (const reason of reasons) held(reason)
    },
    batchEnded: batches,
    phaseEnded: (phase, seconds) => duration.observe({ phase }, seconds),
    purged,
    jobFailed: failed,
    async countProblems(pool, batchId) {
      for (const { code, count } of await problemCounts(pool, rejectionCounts, batchId)) rejections(code, count)
      for (const { code, count } of await problemCounts(pool, warningCounts, batchId)) warnings(code, count)
    }
  }
}

const rejectionCounts = `select p ->> 'code' as code, count(distinct r.row_no) as count
  from kki.staged_rejection r, jsonb_array_elements(r.problems) p where r.batch_id = $1 group by p ->> 'code'`
/** Counts the warnings of batch `$1` by code. */
export const warningCounts = `select warning as code, count(*) as count
  from (
    select unnest(s.warnings) as warning from kki.staged_row s where s.batch_id = $1
    union all
    select unnest(u.warnings) from kki.staged_unchanged u where u.batch_id = $1
    union all
    select unnest(p.warnings) from kki.plan_row p where p.batch_id = $1
  ) given group by warning`

async function problemCounts(pool: pg.Pool, text: string, batchId: number) {
  const { rows } = await pool.query<{ code: string; count: number }>(text, [batchId])
  return rows
}

function createDatabaseGauges(app: FastifyInstance, timeZone: string) {
  const { pool } = app.database
  createTroubleGauge(app)
  const gauge = (name: string, help: string, read: () => Promise<number | null>) => {
    new app.metrics.client.Gauge({
      name,
      help,
      async collect() {
        // A scrape must not fail with the database, because the other metrics help to find the cause.
        const value = await read().catch(() => null)
        if (value === null) this.remove()
        else this.set(value)
      }
    })
  }
  const one = async (text: string) => {
    const { rows } = await pool.query<{ value: number | null }>(text)
    return rows[0]?.value ?? null
  }
  gauge('sdmk_kki_last_success_timestamp_seconds', 'Time of the last applied batch', () =>
    one(`select extract(epoch from max(finished_at))::float8 as value from kki.batch where state = 'applied'`)
  )
  gauge(
    'sdmk_kki_next_run_due_timestamp_seconds',
    'Time of the next scheduled run; in the past if it has not started',
    async () => {
      const setting = await readSetting(pool)
      const due = await nextDue(pool, setting, timeZone, new Date())
      return due && due.getTime() / 1000
    }
  )
  gauge('sdmk_kki_deactivations_unresolved', 'Deactivations of licences that could not be matched to a person', () =>
    one(`select count(distinct subject) as value from kki.rejection where state = 'open' and urgent`)
  )
  gauge('sdmk_kki_not_listed_registrations', 'Registrations that the last two full runs did not show', () =>
    countNotListed(pool)
  )
  gauge('sdmk_batches_held', 'Batches on hold', () =>
    one(`select count(*) as value from kki.batch where state = 'held'`)
  )
  gauge(
    'sdmk_audit_chain_ok',
    '1 if the audit chain is intact, also compared with the heads in Odoo, and covers recent events',
    () =>
      one(`select (
        coalesce((select findings = 0 and odoo_differing = 0 from kki.audit_check), true)
        and not exists (select from kki.audit_unchained u left join kki.audit_event e on e.id = u.event_id
          where e.at < now() - interval '1 minute' or e.id is null)
      )::int as value`)
  )
  gauge('sdmk_integration_active', '1 if the integration is switched on', () =>
    one('select active::int as value from kki.setting')
  )
  gauge('sdmk_integration_changed_timestamp_seconds', 'Time of the last change of the integration setting', () =>
    one('select extract(epoch from changed_at)::float8 as value from kki.setting')
  )
}

const batchLabels = ['batch', 'kind', 'profession', 'reason', 'trace_id'] as const

/**
 * One series for each trouble at all times: 0, or the time since when a batch has it, with labels that identify the
 * batch. So alerts can name the batch, while the number of series is constant and counters have no ids.
 */
function createTroubleGauge(app: FastifyInstance) {
  const { pool } = app.database
  new app.metrics.client.Gauge({
    name: 'sdmk_kki_troubled_batch_timestamp_seconds',
    help: 'Time since when a batch has this trouble, with the newest such batch and its ledger; 0 without labels: none',
    labelNames: ['trouble', ...batchLabels, ...ledgerCounters],
    async collect() {
      const found = await readSetting(pool)
        .then(setting => readTroubles(pool, setting.rejectAlertRatio))
        .catch(() => null)
      this.reset()
      if (found === null) return
      for (const trouble of troubles) {
        const batch = found.get(trouble)
        if (batch) this.set({ trouble, ...labelsOf(batch) }, since(batch).getTime() / 1000)
        else this.set({ trouble }, 0)
      }
    }
  })
}

function labelsOf(batch: Batch) {
  return {
    batch: batch.id,
    kind: batch.kind,
    profession: batch.profession ?? '',
    reason: batch.errorCode ?? batch.holdReasons?.join(' ') ?? '',
    trace_id: batch.traceId,
    ...ledgerOf(batch)
  }
}

function since({ finishedAt, plannedAt, createdAt }: Batch): Date {
  return finishedAt ?? plannedAt ?? createdAt
}

/** Data that is deleted after its retention; `docs/operate/database.md` has the table of retentions. */
export const purgedThings = ['staging', 'raw_rows', 'disclosures'] as const

export type Purged = (typeof purgedThings)[number]
