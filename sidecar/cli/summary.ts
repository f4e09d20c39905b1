import type pg from 'pg'
import type { RunBody } from '../api/schemas.ts'
import { type Ledger, ledgerCounters, perCounter } from '../batch-terms.ts'
import { counted } from '../platform/plural.ts'
import { codeText } from '../platform/problem-texts.ts'

export type RunSummary = Ledger & { seconds: number }

/** Returns the counters of a run's batches together, and how long it took from its trigger to its last batch. */
export function summarize(run: RunBody): RunSummary {
  const total = (counter: keyof Ledger) => run.batches.reduce((sum, { ledger }) => sum + ledger[counter], 0)
  const ended = Math.max(...run.batches.map(({ finishedAt }) => Date.parse(finishedAt ?? run.createdAt)))
  return {
    ...perCounter(total),
    seconds: Math.round((ended - Date.parse(run.createdAt)) / 100) / 10
  }
}

/** The first place to look when a batch failed with one of these codes. */
const settings: Record<string, string> = {
  KKI_UNAVAILABLE: 'KKI_BASE_URL',
  KKI_DENIED: 'KKI_BASE_URL',
  KKI_TOKEN_DENIED: 'the authentication of KKI_SOURCE_FILE',
  KKI_CONTRACT: 'KKI_BASE_URL',
  KKI_CLOCK: 'KKI_CLOCK_TOLERANCE and docs/operate/watermark.md',
  WATERMARK_AHEAD: 'docs/operate/watermark.md',
  WINDOW_INVERTED: 'docs/operate/watermark.md',
  TOKEN_REFRESH_FAILED: 'the secret "kki" (SDMK_SECRETS_DIR, or SDMK_VAULT_PATH)'
}

/** Returns the ledger, the rejections by code and the speed of a run, as lines for people. */
export async function renderSummary(pool: pg.Pool, run: RunBody): Promise<string[]> {
  const summary = summarize(run)
  const failed = run.batches.filter(({ error }) => error !== null)
  const lines = [
    `Run ${run.id} (${run.mode}): ${run.state}, ${counted(run.batches.length, 'batch', 'batches')}, trace ${run.traceId}`,
    '',
    ...ledgerCounters.map(counter => `  ${counter.padEnd(12)}${count(summary[counter])}`),
    `  ${'seconds'.padEnd(12)}${summary.seconds.toFixed(1).padStart(11)}`
  ]
  if (summary.seconds > 0) {
    lines.push(`  ${'rows/second'.padEnd(12)}${count(Math.round(summary.fetched / summary.seconds))}`)
  }
  const rejections = await rejectionsByCode(pool, run.id)
  if (rejections.length > 0) lines.push('', 'Rejected rows by code (a row may have several):')
  for (const { code, rows } of rejections) {
    lines.push(`  ${code.padEnd(20)}${count(rows)}  ${codeText(code, 'en')?.title ?? ''}`)
  }
  for (const { id, error } of failed) {
    const hint = settings[error?.code ?? '']
    lines.push('', `Batch ${id} failed: ${error?.detail}${hint ? `; see ${hint}` : ''}`)
  }
  for (const { id, state, holdReasons } of run.batches) {
    if (state !== 'held') continue
    const why = (holdReasons ?? []).map(code => `${code} (${codeText(code, 'en')?.title ?? ''})`).join(', ')
    lines.push('', `Batch ${id} is on hold for a person: ${why}`)
  }
  return lines
}

async function rejectionsByCode(pool: pg.Pool, runId: number) {
  const { rows } = await pool.query<{ code: string; rows: number }>(
    `select r.code, count(distinct (o.batch_id, o.row_no)) as rows
    from kki.batch b
    join kki.rejection_occurrence o on o.batch_id = b.id
    join kki.rejection r on r.id = o.rejection_id
    where b.run_id = $1
    group by r.code order by rows desc, r.code`,
    [runId]
  )
  return rows
}

function count(value: number): string {
  return value.toLocaleString('en').padStart(11)
}
