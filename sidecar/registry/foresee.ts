import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import { applyPlan } from './apply.ts'
import { type PlanOptions, planBatch } from './plan.ts'
import { sql } from './sql.ts'

const touched = sql('changes/touched.sql')

/** The holder of a licence before or after a decision. */
export interface Holder {
  /** Null for a person that the decision would create. */
  id: number | null
  /** Null if their data is restricted. */
  name: string | null
}

/** The effect of a decision on one licence. */
export interface LicenceEffect {
  strNumber: string
  profession: string
  /** Null if the licence is new to SDMK. */
  statusBefore: string | null
  statusAfter: string
  /** Null if the licence is new to SDMK. */
  holderBefore: Holder | null
  holderAfter: Holder
  /** The licence leaves its holder, or is deactivated. */
  isHarmful: boolean
}

/** The effect of a decision on one person. */
export interface PersonEffect {
  /** Null for a person that the decision would create. */
  id: number | null
  /** Null if the person does not exist at that time, or if their data is restricted. */
  nameBefore: string | null
  nameAfter: string | null
  nik: 'none' | 'same' | 'added' | 'removed' | 'replaced'
  /** Counts after the decision. */
  licences: number
  activeLicences: number
  /** A known person's NIK is replaced or removed. */
  isHarmful: boolean
}

export interface Foreseen {
  /** The outcome of the row, as the ledger would count it. */
  outcome: string
  /** The reasons if the row would be rejected again; otherwise empty. */
  codes: string[]
  licences: LicenceEffect[]
  people: PersonEffect[]
  /** One of the licences or people is harmed. */
  isHarmful: boolean
  /** Two previews have the same digest if their effects are equal, with or without names. */
  digest: string
}

interface Licence {
  id: number
  strNumber: string
  profession: string
  status: string
  holderId: number
  isDeactivated: boolean
}

interface Person {
  id: number
  name: string | null
  nikDigest: string | null
  licences: number
  activeLicences: number
}

interface State {
  licences: Map<number, Licence>
  people: Map<number, Person>
}

/**
 * Returns the effects of a staged batch of one row. It plans and applies the batch within the caller's transaction, and rolls
 * both back. So the effects are those of the batch itself. Without `isNamed` all names are null, which is for the row of a
 * person whose data is restricted.
 * @throws the errors of `applyPlan`; if `isLostRace` or `isLocked` is true for one, another attempt may succeed
 */
export async function foresee(
  client: pg.ClientBase,
  batchId: number,
  identity: Identity,
  { isNamed, ...options }: PlanOptions & { isNamed: boolean }
): Promise<Foreseen> {
  await client.query('savepoint planned')
  await planBatch(client, batchId, identity, options)
  const foreseen = await foreseePlanned(client, batchId, identity, options.asOf)
  await client.query('rollback to savepoint planned')
  return isNamed ? foreseen : { ...foreseen, ...withoutNames(foreseen) }
}

/**
 * Returns the effects of a planned batch of one row, with all names. It applies the plan within the caller's transaction, and
 * rolls that back. @throws as `foresee`
 */
export async function foreseePlanned(
  client: pg.ClientBase,
  batchId: number,
  identity: Identity,
  asOf: string
): Promise<Foreseen> {
  await client.query('savepoint foresee')
  const { rows: planned } = await client.query<{ outcome: string; codes: string[] }>(
    `select outcome, array(select x ->> 'code' from jsonb_array_elements(problems) x) as codes
    from kki.plan_row where batch_id = $1 order by row_no limit 1`,
    [batchId]
  )
  await applyPlan(client, batchId, identity, asOf)
  const { rows } = await client.query<{
    registrationId: number | null
    healthWorkerId: number
    formerHolderId: number | null
  }>(touched, [batchId])
  const licenceIds = rows.flatMap(({ registrationId }) => registrationId ?? [])
  const personIds = rows.flatMap(({ healthWorkerId, formerHolderId }) => [healthWorkerId, formerHolderId ?? []].flat())
  const after = await readState(client, licenceIds, personIds)
  await client.query('rollback to savepoint foresee')
  const before = await readState(client, licenceIds, personIds)
  const foreseen = compare(planned[0] ?? { outcome: 'rejected', codes: [] }, before, after)
  return { ...foreseen, digest: digestOf(foreseen) }
}

/** True if a batch that is being applied held its locks for too long. */
export function isLocked(error: unknown): boolean {
  return (error as { code?: unknown }).code === lockNotAvailable
}

const lockNotAvailable = '55P03'

async function readState(client: pg.ClientBase, licenceIds: number[], personIds: number[]): Promise<State> {
  const licences = await client.query<Licence>(
    `select id, str_number as "strNumber", profession, status, health_worker_id as "holderId",
      sdmk.is_deactivated(status) as "isDeactivated"
    from sdmk.registration where id = any ($1) order by id`,
    [licenceIds]
  )
  const people = await client.query<Person>(
    `select h.id, case when h.restricted_at is null then h.name end as name, encode(h.nik_digest, 'hex') as "nikDigest",
      count(r.id) as licences, count(r.id) filter (where r.status = 'active') as "activeLicences"
    from sdmk.health_worker h
    left join sdmk.registration r on r.health_worker_id = h.id
    where h.id = any ($1) group by h.id order by h.id`,
    [personIds]
  )
  const byId = <T extends { id: number }>(rows: T[]) => new Map(rows.map(row => [row.id, row]))
  return { licences: byId(licences.rows), people: byId(people.rows) }
}

type Effects = Omit<Foreseen, 'digest'>

function withoutNames(effects: Effects): Effects {
  const unnamed = <T extends Holder | null>(holder: T): T => holder && { ...holder, name: null }
  return {
    ...effects,
    licences: effects.licences.map(licence => ({
      ...licence,
      holderBefore: unnamed(licence.holderBefore),
      holderAfter: unnamed(licence.holderAfter)
    })),
    people: effects.people.map(person => ({ ...person, nameBefore: null, nameAfter: null }))
  }
}

/** Leaves names out, but for whether one changes: somebody's data may be restricted between two looks. */
function digestOf(effects: Effects): string {
  const changes = effects.people.map(({ nameBefore, nameAfter }) => nameBefore !== nameAfter)
  const told = JSON.stringify([withoutNames(effects), changes])
  return createHash('sha256').update(told).digest('hex').slice(0, 32)
}

function compare(planned: { outcome: string; codes: string[] }, before: State, after: State): Effects {
  const holder = (state: State, id: number): Holder => ({
    // Ids of new people differ from one attempt to the next.
    id: before.people.has(id) ? id : null,
    name: state.people.get(id)?.name ?? null
  })
  const licences = [...after.licences.values()].map((licence): LicenceEffect => {
    const former = before.licences.get(licence.id)
    const isLost = former !== undefined && former.holderId !== licence.holderId
    return {
      strNumber: licence.strNumber,
      profession: licence.profession,
      statusBefore: former?.status ?? null,
      statusAfter: licence.status,
      holderBefore: former ? holder(before, former.holderId) : null,
      holderAfter: holder(after, licence.holderId),
      isHarmful: isLost || (former?.status === 'active' && licence.isDeactivated)
    }
  })
  const ids = [...new Set([...before.people.keys(), ...after.people.keys()])]
  const people = ids.map((id): PersonEffect => {
    const [was, is] = [before.people.get(id), after.people.get(id)]
    const nik = nikEffect(was?.nikDigest ?? null, is?.nikDigest ?? null)
    return {
      id: was ? id : null,
      nameBefore: was?.name ?? null,
      nameAfter: is?.name ?? null,
      nik,
      licences: is?.licences ?? 0,
      activeLicences: is?.activeLicences ?? 0,
      isHarmful: was !== undefined && (nik === 'removed' || nik === 'replaced')
    }
  })
  const isHarmful = [...licences, ...people].some(effect => effect.isHarmful)
  return { outcome: planned.outcome, codes: planned.codes, licences, people, isHarmful }
}

function nikEffect(before: string | null, after: string | null): PersonEffect['nik'] {
  if (before === after) return before === null ? 'none' : 'same'
  if (before === null) return 'added'
  return after === null ? 'removed' : 'replaced'
}
