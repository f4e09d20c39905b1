import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { recordAudit } from '../audit/record.ts'
import { RequestInvalid, SdmkError } from '../errors.ts'
import type { Identity } from '../identity/keys.ts'
import type { Transaction } from '../platform/database.ts'
import { isLostRace } from '../registry/apply.ts'
import { type Foreseen, foresee, isLocked } from '../registry/foresee.ts'
import type { Batch } from '../sync/batch.ts'
import { insertBatchRun } from '../sync/batch-run.ts'
import { cancelRun } from '../sync/cancel-run.ts'
import { discardBatch } from '../sync/decide.ts'
import { RejectionNotResolvable, RowPurged } from '../sync/errors.ts'
import { lockRejection, type ReviewCaller, type ReviewContext } from '../sync/open-rejections.ts'
import { readPlanOptions } from '../sync/plan-and-apply.ts'
import { stageBatch } from '../sync/stage-batch.ts'
import { assertOfRejection, type PendingRow, pageOfRows, readPendingRows } from '../sync/stored-rows.ts'
import type { RejectionCode } from '../transform/codes.ts'
import type { Candidate } from '../transform/types.ts'
import { isRestricted } from './detail.ts'

/** A decision would harm a person, and the caller has not seen its present effects. */
export class EffectsNotShown extends SdmkError {
  readonly code = 'EFFECTS_NOT_SHOWN'
  readonly foreseen: Foreseen

  constructor(foreseen: Foreseen) {
    super(
      'The decision would take a licence or a NIK from somebody, or end a licence; look at its preview, and decide with ' +
        'the planDigest that it shows'
    )
    this.foreseen = foreseen
  }
}

/** A batch that is being applied holds locks on the people of a decision. */
export class PeopleLocked extends SdmkError {
  readonly code = 'UNAVAILABLE'

  constructor(options: ErrorOptions) {
    super('A batch is changing the same people at the moment. Try again in a few seconds.', options)
  }
}

const longestWaitMs = 10_000
const pauseMs = 200

/** Runs a transaction that decides or previews a decision, and repeats it while batches hold its locks. @throws PeopleLocked */
export async function betweenBatches<T>(work: () => Promise<T>): Promise<T> {
  const end = performance.now() + longestWaitMs
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isLostRace(error) && !isLocked(error)) throw error
      if (performance.now() > end) throw new PeopleLocked({ cause: error })
      await wait(pauseMs)
    }
  }
}

/** The place of one row. A rejection may have several rows. */
export interface RowName {
  batchId: number
  rowNo: number
}

export interface Resolution {
  /** The person that the row belongs to; `new` for a person that the registry does not have. */
  healthWorkerId: number | 'new'
  /** One of the rejection's rows; needed if its rows belong to different people. */
  row?: RowName | undefined
  reason?: string | undefined
  /** The digest of the preview that the caller has seen; needed if the decision is harmful. */
  planDigest?: string | undefined
}

export interface ResolveContext extends ReviewContext {
  /** SDMK's time zone, in which a licence's last day ends. */
  timeZone: string
}

/** Codes of rejections about the identity of the row's person, or about whether the registry should have that person. */
const resolvableCodes: readonly RejectionCode[] = [
  'STR_AMBIGUOUS',
  'IDENTITY_CONFLICT',
  'LICENCE_OF_ERASED',
  'POSSIBLE_DUPLICATE',
  'NAME_DIFFERS',
  'UNMATCHED',
  'STR_INACTIVE'
]

/** Most rows of one rejection that a person can compare on a screen. */
const mostRows = 100

/**
 * Ties a rejected row, and every later row with its STR and NIK, to a person. Within the caller's transaction it queues the
 * batch that applies this decision. An earlier decision about the same row is withdrawn, and its batch ends if it is open.
 * @throws RejectionNotFound, RejectionStateConflict, RejectionNotResolvable, RowPurged, RequestInvalid, SealBroken,
 *   SealUnfit; EffectsNotShown if the decision is harmful and the caller has not seen its present effects; RequestInvalid
 *   if it is harmful and has no reason
 */
export async function resolveRejection(
  client: Transaction,
  context: ResolveContext,
  id: number,
  resolution: Resolution,
  caller: ReviewCaller
): Promise<Batch> {
  const { batch, foreseen } = await stageDecision(client, context, id, resolution, caller)
  if (foreseen.isHarmful && foreseen.digest !== resolution.planDigest) throw new EffectsNotShown(foreseen)
  if (foreseen.isHarmful && resolution.reason === undefined) {
    throw new RequestInvalid(
      'reason',
      'is required: the decision takes a licence or a NIK from somebody, or ends a licence'
    )
  }
  return batch
}

/** Returns the effects of a decision, within a transaction that the caller rolls back. @throws as `resolveRejection` */
export async function previewResolution(
  client: Transaction,
  context: ResolveContext,
  id: number,
  resolution: Resolution,
  caller: ReviewCaller
): Promise<Foreseen> {
  return (await stageDecision(client, context, id, resolution, caller)).foreseen
}

async function stageDecision(
  client: Transaction,
  context: ResolveContext,
  id: number,
  { healthWorkerId, row, reason }: Resolution,
  caller: ReviewCaller
): Promise<{ batch: Batch; foreseen: Foreseen }> {
  const { identity } = context
  // A decision locks the rejection before the people, and a batch locks the people first, so they can deadlock. The decision
  // stops waiting before PostgreSQL looks for deadlocks (after 1 s) and might end the batch. A file that is being staged also
  // holds a lock for minutes.
  await client.query(`set local lock_timeout = '500ms'`)
  const { code, source } = await lockRejection(client, id)
  if (source !== 'kki') {
    throw new RejectionNotResolvable(id, 'its row came out of a file; correct the file or the person, and import again')
  }
  if (!resolvableCodes.includes(code)) throw new RejectionNotResolvable(id, `${code} is not about who somebody is`)
  const person = healthWorkerId === 'new' ? null : healthWorkerId
  if (person !== null) await checkPerson(client, person)
  const chosen = await chooseRow(client, identity, id, row)
  const candidate = readCandidate(context, id, chosen.raw)
  assertOfRejection(chosen, candidate.strNumber)

  const queued = await insertBatchRun(client, {
    kind: 'decision',
    triggeredBy: caller.triggeredBy,
    caller,
    expectedTotal: 1
  })
  await decide(client, identity, { id, batchId: queued.id, person, candidate }, caller)
  await client.query(
    `update kki.rejection
    set decided_at = now(), decided_by = $2, decision_reason = $3, version = nextval('sdmk.version_seq') where id = $1`,
    [id, caller.actor, reason ?? null]
  )
  client.notifyOdoo({ rejections: [id] })
  const batch = await stageBatch(client, context, queued, [pageOfRows(context, [chosen.raw])])
  const options = await readPlanOptions(client, batch.kind, context.timeZone)
  const isNamed = !(await isRestricted(client, chosen))
  const foreseen = await foresee(client, batch.id, identity, { ...options, isNamed })
  await client.query('update kki.decision set effects_digest = $2 where batch_id = $1', [batch.id, foreseen.digest])
  await recordAudit(client, {
    ...caller,
    action: 'rejection.resolved',
    runId: batch.runId,
    batchId: batch.id,
    detail: {
      rejectionIds: [id],
      code,
      healthWorkerId,
      // The decision appears in the history of these people. A new person has no id yet.
      healthWorkerIds: foreseen.people.flatMap(person => person.id ?? []),
      isHarmful: foreseen.isHarmful,
      ...(row && { row }),
      ...(reason !== undefined && { reason })
    }
  })
  return { batch, foreseen }
}

async function checkPerson(client: pg.ClientBase, id: number): Promise<void> {
  const { rows } = await client.query<{ isErased: boolean }>(
    'select erased_at is not null as "isErased" from sdmk.health_worker where id = $1',
    [id]
  )
  if (!rows[0]) throw new RequestInvalid('healthWorkerId', `there is no health worker ${id}`)
  if (rows[0].isErased) throw new RequestInvalid('healthWorkerId', `the data of health worker ${id} was erased`)
}

async function chooseRow(
  client: pg.ClientBase,
  identity: Identity,
  id: number,
  named: RowName | undefined
): Promise<PendingRow & { raw: string }> {
  const rows = await readPendingRows(client, identity, [id], { limit: mostRows })
  const isNamed = (row: PendingRow) => row.batchId === named?.batchId && row.rowNo === named.rowNo
  const chosen = named ? rows.find(isNamed) : rows.at(-1)
  if (named && !chosen) throw new RequestInvalid('row', `rejection ${id} has no such pending row`)
  if (!named && new Set(rows.map(({ nikDigest }) => nikDigest?.toString('hex'))).size > 1) {
    throw new RequestInvalid('row', 'is required: the rows of this rejection carry different NIKs')
  }
  if (!chosen?.raw) throw new RowPurged(id)
  return { ...chosen, raw: chosen.raw }
}

function readCandidate({ reader: { transform }, maxSkewSeconds }: ReviewContext, id: number, raw: string): Candidate {
  const result = transform(JSON.parse(raw), { sourceNow: Date.now(), maxSkewMs: maxSkewSeconds * 1000 })
  if (!result.ok) throw new RejectionNotResolvable(id, 'its row has other faults under the present mapping')
  if (result.value.deactivationOnly) throw new RejectionNotResolvable(id, 'of its row only the ending can be read')
  return result.value
}

interface Decided {
  id: number
  batchId: number
  person: number | null
  candidate: Candidate
}

async function decide(
  client: Transaction,
  identity: Identity,
  { id, batchId, person, candidate }: Decided,
  caller: ReviewCaller
): Promise<void> {
  const nikDigest = candidate.nik === null ? null : identity.digestNik(candidate.nik)
  const nameKey = nikDigest === null ? candidate.nameKey : null
  const about = [candidate.strNumber, nikDigest, candidate.nameKey, candidate.birthDate]
  await endFormerBatches(client, about, batchId, caller)
  await client.query(
    `update kki.decision d set withdrawn_at = now() where d.str_number = $1 and kki.decision_fits(d, $2, $3, $4)`,
    about
  )
  await client.query(
    `insert into kki.decision (str_number, nik_digest, name_key, health_worker_id, rejection_id, batch_id, decided_by)
    values ($1, $2, $3, $4, $5, $6, $7)`,
    [candidate.strNumber, nikDigest, nameKey, person, id, batchId, caller.actor]
  )
}

/**
 * Ends the open batches of earlier decisions about the same row. Otherwise such a batch could still be applied, after the
 * later decision.
 */
async function endFormerBatches(
  client: Transaction,
  about: readonly unknown[],
  batchId: number,
  caller: ReviewCaller
): Promise<void> {
  const { rows } = await client.query<{ id: number; runId: number; isHeld: boolean }>(
    `select b.id, b.run_id as "runId", b.state = 'held' as "isHeld"
    from kki.decision d join kki.batch b on b.id = d.batch_id
    where d.str_number = $1 and kki.decision_fits(d, $2, $3, $4) and kki.is_open(b.state)
    order by b.id for update of b`,
    [...about]
  )
  const reason = `a later decision, of batch ${batchId}, replaces this one`
  for (const { id, runId, isHeld } of rows) {
    if (isHeld) await discardBatch(client, id, { watermark: 'keep', reason }, caller)
    else await cancelRun(client, runId, caller)
  }
}
