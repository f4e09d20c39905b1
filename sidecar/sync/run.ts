import { createHash } from 'node:crypto'
import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import { RequestInvalid } from '../errors.ts'
import type { JobQueue } from '../platform/queue.ts'
import { touch } from '../platform/touched.ts'
import { type Ids, markBatch } from '../platform/tracing.ts'
import type { Mapping } from '../transform/mapping.ts'
import type { RunMode } from './batch.ts'
import { IdempotencyConflict, IntegrationDisabled, PartitionBusy } from './errors.ts'
import { readSetting, type Setting } from './settings.ts'
import { allProfessions } from './watermark.ts'

/** What a caller asks for. Times are instants; `professions` are SDMK's codes. */
export interface RunRequest {
  mode: RunMode
  professions?: string[] | undefined
  changedSince?: Date | undefined
  changedUntil?: Date | undefined
  /** `hold`: every batch waits for a person, whatever its plan says. */
  apply?: 'auto' | 'hold' | undefined
}

export interface RunOptions {
  triggeredBy: 'schedule' | 'operator' | 'api' | 'command'
  caller: Caller
  idempotencyKey?: string | undefined
  /** The scheduled minute that the run answers. */
  slot?: Date
}

export interface CreatedRun {
  runId: number
  batchIds: number[]
  /** False where the idempotency key found a run that was there. */
  isNew: boolean
}

/**
 * Writes a run with its batches, its jobs and its audit event, within the caller's transaction.
 *
 * An incremental or window run is one batch over all professions, or one for each that is named (in the request or in
 * the setting); a full run is one batch per profession.
 * @throws IntegrationDisabled, PartitionBusy, IdempotencyConflict, RequestInvalid
 */
export async function createRun(
  client: pg.ClientBase,
  queue: JobQueue,
  mapping: Mapping,
  request: RunRequest,
  options: RunOptions
): Promise<CreatedRun> {
  checkRequest(request, mapping)
  await checkPresent(client, request)
  const digest = createHash('sha256').update(JSON.stringify(request)).digest()
  const earlier = await findByIdempotencyKey(client, options, digest)
  if (earlier) return earlier
  const setting = await readSetting(client)
  if (!setting.active) throw new IntegrationDisabled()

  const runId = await insertRun(client, request, options, digest)
  const batchIds: number[] = []
  for (const partition of partitionsOf(request, setting, mapping)) {
    batchIds.push(await insertBatch(client, runId, request, partition, options.caller.traceId))
  }
  for (const batchId of batchIds) await queue.send('kki-fetch', { batchId }, { client, singletonKey: String(batchId) })
  await recordAudit(client, {
    ...options.caller,
    action: 'run.created',
    runId,
    detail: {
      mode: request.mode,
      apply: request.apply ?? 'auto',
      triggeredBy: options.triggeredBy,
      batches: batchIds.length
    }
  })
  return { runId, batchIds, isNew: true }
}

/** Records that a scheduled slot was not run, and why; nothing where the slot is answered already. */
export async function recordSkippedRun(
  client: pg.ClientBase,
  slot: Date,
  reason: string,
  caller: Caller
): Promise<boolean> {
  const { rows } = await client.query<{ id: number }>(
    `insert into kki.run (slot, triggered_by, mode, skipped_reason, actor, request_id, trace_id, finished_at)
    values ($1, 'schedule', 'incremental', $2, $3, $4, $5, now())
    on conflict (slot) do nothing returning id`,
    [slot, reason, caller.actor, caller.requestId, caller.traceId]
  )
  if (!rows[0]) return false
  await recordAudit(client, { ...caller, action: 'run.skipped', runId: rows[0].id, detail: { slot, reason } })
  return true
}

/** Returns what log lines and spans say of work on a run; see `idsOfBatch`. */
export async function idsOfRun(pool: pg.Pool, id: number): Promise<Partial<Ids>> {
  const { rows } = await pool
    .query<Required<Pick<Ids, 'trace_id' | 'request_id'>>>('select trace_id, request_id from kki.run where id = $1', [
      id
    ])
    .catch(() => ({ rows: [] }))
  return { run_id: id, ...rows[0] }
}

interface Partition {
  partition: string
  sourceProfession: string | null
}

const isBusy = 'kki.is_under_way(state) and kki.is_walk(kind)'

/** Inserts a queued batch. @throws PartitionBusy where one of its partition is under way. */
export async function insertBatch(
  client: pg.ClientBase,
  runId: number,
  request: RunRequest,
  { partition, sourceProfession }: Partition,
  traceId: string,
  sourceProfessionsCovered: string[] | null = null
): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `insert into kki.batch (run_id, kind, partition, source_profession, source_professions_covered, window_since,
      window_until, trace_id, hold_asked)
    select r.id, $2, $3, $4, $5, $6, $7, $8, case when r.apply_mode = 'hold' then array['REQUESTED'] else '{}' end
    from kki.run r where r.id = $1
      -- Of a batch that is being applied the index would say nothing before that transaction ends, in half a minute maybe.
      and not exists (select from kki.batch where partition = $3 and ${isBusy})
    on conflict (partition) where ${isBusy} do nothing returning id`,
    [
      runId,
      request.mode,
      partition,
      sourceProfession,
      sourceProfessionsCovered,
      request.changedSince ?? null,
      request.changedUntil ?? null,
      traceId
    ]
  )
  if (rows[0]) {
    touch(client, 'batches', rows[0].id)
    markBatch({ trace_id: traceId, run_id: runId, batch_id: rows[0].id }, { 'sdmk.batch.kind': request.mode })
    return rows[0].id
  }
  const busy = await client.query<{ id: number }>(`select id from kki.batch where partition = $1 and ${isBusy}`, [
    partition
  ])
  throw new PartitionBusy(partition, busy.rows[0]?.id ?? 0)
}

function checkRequest(request: RunRequest, mapping: Mapping) {
  const known = new Set(mapping.professions.map(profession => profession.code))
  const unknown = request.professions?.findIndex(code => !known.has(code)) ?? -1
  if (unknown >= 0) throw new RequestInvalid(`professions/${unknown}`, 'is not a profession of the mapping')
  if (request.professions?.length === 0) throw new RequestInvalid('professions', 'must name a profession, or be absent')
  if (request.mode !== 'window') {
    if (request.changedSince) throw new RequestInvalid('changedSince', 'goes with mode "window" only')
    if (request.changedUntil) throw new RequestInvalid('changedUntil', 'goes with mode "window" only')
  } else if (!request.changedSince || !request.changedUntil) {
    throw new RequestInvalid(request.changedSince ? 'changedUntil' : 'changedSince', 'is required with mode "window"')
  } else if (request.changedSince >= request.changedUntil) {
    throw new RequestInvalid('changedUntil', 'must be later than changedSince')
  }
}

/** A window that has not begun would be fetched as an empty one. */
async function checkPresent(client: pg.ClientBase, { changedSince }: RunRequest): Promise<void> {
  if (!changedSince) return
  const { rows } = await client.query<{ isAhead: boolean }>('select $1::timestamptz > now() as "isAhead"', [
    changedSince
  ])
  if (rows[0]?.isAhead) throw new RequestInvalid('changedSince', 'must not be in the future')
}

function partitionsOf(request: RunRequest, setting: Setting, mapping: Mapping): Partition[] {
  const named = request.professions ?? setting.professions
  if (request.mode !== 'full' && named === null) return [{ partition: allProfessions, sourceProfession: null }]
  const wanted = named && new Set(named)
  return mapping.professions
    .filter(profession => wanted === null || wanted.has(profession.code))
    .flatMap(profession => {
      const [sourceProfession] = profession.kkiCodes
      return sourceProfession === undefined ? [] : [{ partition: profession.code, sourceProfession }]
    })
}

async function findByIdempotencyKey(
  client: pg.ClientBase,
  { idempotencyKey, caller }: RunOptions,
  digest: Buffer
): Promise<CreatedRun | null> {
  if (idempotencyKey === undefined) return null
  // Two requests with one key at the same moment: the second waits here and then finds the run of the first.
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `run ${caller.apiKeyId} ${idempotencyKey}`
  ])
  const { rows } = await client.query<{ id: number; request_digest: Buffer; batch_ids: number[] }>(
    `select r.id, r.request_digest, array(select b.id from kki.batch b where b.run_id = r.id order by b.id) as batch_ids
    from kki.run r where r.idempotency_key = $1 and r.api_key_id is not distinct from $2`,
    [idempotencyKey, caller.apiKeyId]
  )
  if (!rows[0]) return null
  if (!rows[0].request_digest.equals(digest)) throw new IdempotencyConflict()
  return { runId: rows[0].id, batchIds: rows[0].batch_ids, isNew: false }
}

async function insertRun(
  client: pg.ClientBase,
  request: RunRequest,
  { triggeredBy, caller, idempotencyKey, slot }: RunOptions,
  digest: Buffer
): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `insert into kki.run (slot, triggered_by, mode, professions, changed_since, changed_until, actor, api_key_id,
      idempotency_key, request_digest, request_id, trace_id, apply_mode)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    returning id`,
    [
      slot ?? null,
      triggeredBy,
      request.mode,
      request.professions ?? null,
      request.changedSince ?? null,
      request.changedUntil ?? null,
      caller.actor,
      caller.apiKeyId,
      idempotencyKey ?? null,
      digest,
      caller.requestId,
      caller.traceId,
      request.apply ?? 'auto'
    ]
  )
  return (rows[0] as { id: number }).id
}
