import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import { PreconditionFailed, RecordMissing } from '../errors.ts'
import type { Transaction } from '../platform/database.ts'
import { forgetWatermark } from './watermark.ts'

/** The settings of the integration with KKI, which operators change. */
export interface Setting {
  active: boolean
  /** Cron expression, in `SDMK_TIME_ZONE`. */
  schedule: string
  /** Profession codes of SDMK; null is every profession of the mapping. */
  professions: string[] | null
  rejectAlertRatio: number
  createUnmatched: 'create' | 'review'
}

export interface StoredSetting extends Setting {
  version: number
  changedAt: Date
  changedBy: string
}

const integration = 'kki'

const columns = `active, schedule, professions, reject_alert_ratio::float8 as "rejectAlertRatio",
  create_unmatched as "createUnmatched", version, changed_at as "changedAt", changed_by as "changedBy"`

/** Stores the first setting if there is none: switched on, all professions, the given schedule. */
export async function ensureSetting(client: Transaction, schedule: string): Promise<void> {
  const { rowCount } = await client.query(
    `insert into kki.setting (integration, active, schedule, reject_alert_ratio, create_unmatched, changed_by)
    values ($1, true, $2, 0.2, 'create', 'configuration')
    on conflict on constraint setting_pkey do nothing`,
    [integration, schedule]
  )
  if (rowCount === 1) client.notifyOdoo({ setting: true })
}

/** Returns the present setting. */
export async function readSetting(client: pg.ClientBase | pg.Pool): Promise<StoredSetting> {
  const { rows } = await client.query<StoredSetting>(`select ${columns} from kki.setting where integration = $1`, [
    integration
  ])
  if (!rows[0])
    throw new RecordMissing('kki.setting has no row for this integration; the sidecar writes it when it starts')
  return rows[0]
}

/**
 * Replaces the setting and returns it as stored. After a profession was added, the next incremental run fetches everything.
 *
 * @param version the version that the caller read, or null to replace any version.
 * @throws PreconditionFailed if the stored version differs.
 */
export async function writeSetting(
  client: Transaction,
  setting: Setting,
  version: number | null,
  caller: Caller
): Promise<StoredSetting> {
  await client.query('select from kki.setting where integration = $1 for update', [integration])
  const before = await readSetting(client)
  const { rows } = await client.query<StoredSetting>(
    `update kki.setting
    set active = $2, schedule = $3, professions = $4, reject_alert_ratio = $5, create_unmatched = $6,
      version = version + 1, changed_at = now(), changed_by = $7
    where integration = $1 and ($8::bigint is null or version = $8)
    returning ${columns}`,
    [
      integration,
      setting.active,
      setting.schedule,
      setting.professions,
      setting.rejectAlertRatio,
      setting.createUnmatched,
      caller.actor,
      version
    ]
  )
  if (!rows[0]) throw new PreconditionFailed('The setting')
  // An added profession has no stored rows yet.
  if (isWider(before.professions, rows[0].professions)) await forgetWatermark(client)
  client.notifyOdoo({ setting: true })
  await recordAudit(client, { ...caller, action: 'setting.changed', detail: { ...setting } })
  return rows[0]
}

function isWider(before: string[] | null, after: string[] | null): boolean {
  return before !== null && (after === null || after.some(code => !before.includes(code)))
}
