import { createCipheriv, randomBytes } from 'node:crypto'
import type pg from 'pg'
import { createIdentity, type Identity } from '../../sidecar/identity/keys.ts'
import type { Database } from '../../sidecar/platform/database.ts'
import { applyPlan } from '../../sidecar/registry/apply.ts'
import { PageWriter } from '../../sidecar/registry/page-writer.ts'
import { takePersonIdsFrom } from '../../sidecar/registry/person-ids.ts'
import { type PlanOptions, type PlanSummary, planBatch } from '../../sidecar/registry/plan.ts'
import { openStaging, stagePages } from '../../sidecar/registry/stage.ts'
import { findUnchanged } from '../../sidecar/registry/unchanged.ts'
import { readPage } from '../../sidecar/sync/read-page.ts'
import type { Transform } from '../../sidecar/transform/transform.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { createTestDatabase } from '../helpers/database.ts'

const key = () => randomBytes(32).toString('base64')

/** Identity keys for one test. */
export function testIdentity(): Identity {
  return createIdentity({ digestKey: key(), sealKeyId: '1', sealKey1: key() })
}

/** Seals a value as the former version did, which bound it to its purpose and to no row; `sealKey` is base64. */
export function sealUnbound(sealKey: string, purpose: 'nik' | 'row', value: string, keyId = 1): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(sealKey, 'base64'), nonce)
  cipher.setAAD(Buffer.from(purpose))
  return Buffer.concat([
    Buffer.from([1, keyId]),
    nonce,
    cipher.update(value, 'utf8'),
    cipher.final(),
    cipher.getAuthTag()
  ])
}

/** An empty registry of a test's own, and what puts rows into it. */
export interface Registry {
  url: string
  database: Database
  pool: pg.Pool
  identity: Identity
  apply(...rows: Candidate[]): Promise<Applied>
  applyWith(options: ApplyOptions, ...rows: Candidate[]): Promise<Applied>
}

export async function createRegistry(t: Parameters<typeof createTestDatabase>[0]): Promise<Registry> {
  const { url, database, pool } = await createTestDatabase(t)
  const identity = testIdentity()
  return {
    url,
    database,
    pool,
    identity,
    apply: (...rows) => applyRows(database, identity, rows),
    applyWith: (options, ...rows) => applyRows(database, identity, rows, options)
  }
}

/** Decides which person rows with this row's STR and NIK belong to; null means a new person. */
export async function decide(
  { pool, identity }: Pick<Registry, 'pool' | 'identity'>,
  { strNumber, nik }: Candidate,
  healthWorkerId: number | null
): Promise<void> {
  await pool.query(
    `insert into kki.decision (str_number, nik_digest, health_worker_id, decided_by) values ($1, $2, $3, 'verifier')`,
    [strNumber, nik && identity.digestNik(nik), healthWorkerId]
  )
}

let serial = 0

/** Returns an invented active registration. Without further values, each call returns another person. */
export function candidate(given: Partial<Candidate> = {}): Candidate {
  const n = ++serial
  const name = given.name ?? `Orang ${letters(n)}`
  const strNumber = given.strNumber ?? `EQ${String(n).padStart(14, '0')}`
  return {
    strRaw: strNumber,
    strFormat: 'lifetime',
    nik: `3171010101${String(n).padStart(6, '0')}`,
    name,
    titlePrefix: null,
    titleSuffix: null,
    nameKey: name.toUpperCase().split(' ').sort().join(' '),
    birthPlace: 'Jakarta',
    birthPlaceKey: 'JAKARTA',
    birthDate: '1990-01-01',
    sex: 'male',
    profession: 'doctor',
    competence: null,
    status: 'active',
    sourceStatus: 'AKTIF',
    issuedOn: '2020-01-01',
    validUntil: null,
    isLifetime: true,
    institution: null,
    graduationYear: null,
    province: null,
    changedAt: '2026-01-01T00:00:00.000Z',
    warnings: [],
    contentHash: randomBytes(16).toString('hex'),
    deactivationOnly: false,
    problems: [],
    ...given,
    strNumber
  }
}

export interface Outcome {
  outcome: string
  rule: number | null
  codes: string[]
  urgent: boolean
  healthWorkerId: number | null
  warnings: string[]
}

export interface Applied {
  batchId: number
  summary: PlanSummary
  deactivated: number
  /** What became of each row, in the order given; an unchanged row without a warning has only its outcome. */
  outcomes: Outcome[]
}

export type ApplyOptions = Partial<PlanOptions> & StageOptions

interface StageOptions {
  kind?: string | undefined
  transform?: Transform | undefined
  /** Stages unchanged rows too. */
  stagesAll?: boolean | undefined
}

/** Stages the rows as one batch, plans it and applies it. */
export async function applyRows(
  database: Database,
  identity: Identity,
  rows: Candidate[],
  options: ApplyOptions = {}
): Promise<Applied> {
  const { kind, transform, stagesAll, ...given } = options
  const plan: PlanOptions = { ...planOptions, ...given }
  const batchId = await stageRows(database, identity, rows, { kind, transform, stagesAll })
  const summary = await database.withTransaction(client => planBatch(client, batchId, identity, plan))
  const { deactivated } = await database.withTransaction(client => applyPlan(client, batchId, identity, plan.asOf))
  return { batchId, summary, deactivated, outcomes: await readOutcomes(database, batchId, rows.length) }
}

/** How every plan of these tests is made. */
export const planOptions = { asOf: '2026-06-01', createUnmatched: 'create' } satisfies PlanOptions

/** Rows of these tests come as the candidates that they are. */
export const asCandidate: Transform = record => ({ ok: true, value: record as Candidate })

/** Stages the rows as one page of a new batch, unchanged ones as such, and returns its id. */
export async function stageRows(
  database: Database,
  identity: Identity,
  rows: Candidate[],
  { kind = 'retry', transform = asCandidate, stagesAll = kind === 'import' }: StageOptions = {}
): Promise<number> {
  const { pool } = database
  const trace = randomBytes(16).toString('hex')
  const run = await pool.query(
    `insert into kki.run (triggered_by, mode, actor, request_id, trace_id, finished_at)
    values ('command', $2, 'test', 'test', $1, now()) returning id`,
    [trace, kind]
  )
  const batch = await pool.query(
    `insert into kki.batch (run_id, kind, trace_id, state) values ($1, $3, $2, 'fetching') returning id`,
    [run.rows[0].id, trace, kind]
  )
  const batchId = batch.rows[0].id as number
  const body = Buffer.from(JSON.stringify({ data: rows }))
  const page = await readPage(
    { rows: JSON.parse(String(body)).data, body, sourceNow: Date.now() },
    new PageWriter({ id: batchId, source: kind === 'import' ? 'sdmk' : 'kki' }, identity, takePersonIdsFrom(pool)),
    { transform, maxSkewMs: 0, ...(!stagesAll && { findUnchanged: asked => findUnchanged(pool, asked) }) }
  )
  await database.withTransaction(async client => {
    await openStaging(client, batchId)
    await stagePages(client, batchId, [page])
  })
  return batchId
}

async function readOutcomes({ pool }: Database, batchId: number, count: number): Promise<Outcome[]> {
  const { rows } = await pool.query(
    `select n, coalesce(p.outcome, 'unchanged') as outcome, p.rule,
      coalesce((select array_agg(x ->> 'code') from jsonb_array_elements(p.problems) x), '{}') as codes,
      coalesce(p.urgent, false) as urgent, p.health_worker_id as "healthWorkerId", coalesce(p.warnings, '{}') as warnings
    from generate_series(1, $2) n left join kki.plan_row p on p.batch_id = $1 and p.row_no = n order by n`,
    [batchId, count]
  )
  return rows.map(({ n: _, ...outcome }) => outcome as Outcome)
}

/** All of schema `sdmk`; without `withBookkeeping` but for versions and times of writing. */
export async function dumpSdmk(pool: pg.Pool, { withBookkeeping = false } = {}): Promise<string[]> {
  const without = withBookkeeping ? [] : ['version', 'updated_at']
  const { rows } = await pool.query<{ line: object }>(
    `select to_jsonb(h) - $1::text[] || '{"table": 1}' as line from sdmk.health_worker h
    union all select to_jsonb(r) - $1::text[] || '{"table": 2}' from sdmk.registration r
    union all select to_jsonb(n) || '{"table": 3}' from sdmk.str_number n
    union all select to_jsonb(f) || '{"table": 4}' from sdmk.former_nik f`,
    [without]
  )
  return rows.map(({ line }) => JSON.stringify(line)).sort()
}

/** A name of letters alone, as names of people are: 1 is A, 27 is AA. */
function letters(n: number): string {
  const rest = Math.floor((n - 1) / 26)
  const letter = String.fromCharCode(65 + ((n - 1) % 26))
  return `${rest > 0 ? letters(rest) : ''}${letter}${letter.toLowerCase()}`
}
