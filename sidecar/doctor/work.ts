import type pg from 'pg'
import type { Config } from '../config.ts'
import { readBacklog } from '../odoo/backlog.ts'
import { counted } from '../platform/plural.ts'
import { lastSlot } from '../sync/schedule-slot.ts'
import { readSetting } from '../sync/settings.ts'
import { readWatermark } from '../sync/watermark.ts'
import { examine, type Finding, failure, skipped, warning } from './finding.ts'

/** A worker asks twice a second; a job that waited for so long has none. */
const longestWaitSeconds = 600

/** Returns whether runs come, end well, and leave nothing behind. */
export async function examineWork(pool: pg.Pool, config: Pick<Config, 'timeZone' | 'odoo'>): Promise<Finding[]> {
  const fix = 'See docs/operate/runbook.md.'
  return [
    await examine('queue', fix, () => queueOf(pool)),
    await examine('runs', fix, () => runsOf(pool, config)),
    await examine('watermark', 'See docs/operate/watermark.md.', () => watermarkOf(pool)),
    await examine('waiting for Odoo', fix, async () => {
      if (config.odoo === null) return skipped('no Odoo is configured')
      const { waiting, failing } = await readBacklog(pool)
      if (failing === 0) return `${counted(waiting, 'message')}`
      return warning(
        `${failing} of ${counted(waiting, 'message')} failed before and are repeated`,
        'The log of the process with the role "relay" has the reason.'
      )
    })
  ]
}

async function queueOf(pool: pg.Pool) {
  const { rows } = await pool.query<{ name: string; jobs: number }>(
    `select name, count(*)::int as jobs from pgboss.job
    where state in ('created', 'retry') and start_after < now() - make_interval(secs => $1)
    group by name order by name`,
    [longestWaitSeconds]
  )
  if (rows.length === 0) return 'no job waits for long'
  const waiting = rows.map(({ name, jobs }) => `${name}: ${jobs}`).join(', ')
  return warning(
    `jobs wait for more than ten minutes (${waiting})`,
    'Start the service; in a divided installation, each role needs a process (docs/operate/scaling-out.md).'
  )
}

async function runsOf(pool: pg.Pool, { timeZone }: Pick<Config, 'timeZone'>) {
  const setting = await readSetting(pool)
  const { rows } = await pool.query<{
    held: number
    lastState: string | null
    lastCode: string | null
    appliedAt: Date | null
  }>(
    `select (select count(*) from kki.batch where state = 'held')::int as held,
      last.state as "lastState", last.error_code as "lastCode",
      (select max(finished_at) from kki.batch where state = 'applied' and kki.is_walk(kind)) as "appliedAt"
    from (select 1) one left join lateral (
      select state, error_code from kki.batch where finished_at is not null and kki.is_walk(kind)
      order by id desc limit 1
    ) last on true`
  )
  const { held, lastState, lastCode, appliedAt } = rows[0] as (typeof rows)[number]
  if (lastState === 'failed') {
    return failure(
      `the last batch failed (${lastCode ?? 'without a code'})`,
      `docs/reference/codes.md explains ${lastCode ?? 'it'}.`
    )
  }
  if (!setting.active) return warning('the integration is switched off', 'Switch it on in Odoo, or over the API.')
  // The slot before the last one: a run of the last slot may still be under way.
  const last = lastSlot(setting.schedule, timeZone, new Date())
  const due = lastSlot(setting.schedule, timeZone, new Date(last.getTime() - 1))
  if (appliedAt !== null && appliedAt < due) {
    return failure(
      `nothing was applied since ${appliedAt.toISOString()}, though runs were due`,
      'Look for failed runs and held batches, and whether the service runs.'
    )
  }
  if (held > 0) return warning(`${counted(held, 'batch', 'batches')} on hold`, 'An administrator decides in Odoo.')
  return appliedAt === null ? 'no batch was applied yet' : `the last batch was applied at ${appliedAt.toISOString()}`
}

async function watermarkOf(pool: pg.Pool) {
  const watermark = await readWatermark(pool)
  if (watermark === null) return 'none yet: the next run fetches everything'
  const position = watermark.position.toISOString()
  if (!watermark.isAhead) return `changes are stored up to ${position}`
  return failure(`${position} is in the future: changes until then would be left out`, 'Run "sdmk watermark set".')
}
