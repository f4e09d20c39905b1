import { randomBytes } from 'node:crypto'
import type { Database } from '../../sidecar/platform/database.ts'
import { cutList } from '../../sidecar/platform/json-list.ts'
import { applyPlan, isLostRace } from '../../sidecar/registry/apply.ts'
import { createIdentity, type Identity } from '../../sidecar/registry/identity.ts'
import { PageWriter } from '../../sidecar/registry/page-writer.ts'
import { openStaging, stagePages } from '../../sidecar/registry/stage.ts'
import { loadMapping } from '../../sidecar/sync/mapping-file.ts'
import { readPage } from '../../sidecar/sync/read-page.ts'
import type { Mapping } from '../../sidecar/transform/mapping.ts'
import { createTransform, type Transform } from '../../sidecar/transform/transform.ts'
import type { PlanBatch } from './broken.ts'
import type { Labelled, LabelledRow } from './generate.ts'

/** What became of one row: its outcome and the record that it was tied to. */
export interface RowResult extends LabelledRow {
  outcome: string
  healthWorkerId: number | null
}

const asOf = '2026-06-01'
const rowsPerPage = 500
const mostReplans = 5

interface Bench {
  database: Database
  plan: PlanBatch
  identity: Identity
  mapping: Mapping
  transform: Transform
}

/** Runs both feeds through transform, staging, plan and apply, and returns what became of each row, in order. */
export async function runFeeds(
  database: Database,
  mappingFile: string,
  plan: PlanBatch,
  { first, second, concurrent }: Labelled
): Promise<{ results: RowResult[]; identity: Identity }> {
  const key = () => randomBytes(32).toString('base64')
  const identity = createIdentity({ digestKey: key(), sealKeyId: '1', sealKey1: key() })
  const mapping = await loadMapping(mappingFile)
  const bench = { database, plan, identity, mapping, transform: createTransform(mapping) }
  const results = await runBatch(bench, first)
  // Both are staged and planned before either is applied, as two workers would do.
  const [doctors, nurses] = await Promise.all(concurrent.map(rows => runBatch(bench, rows)))
  return { results: [...results, ...(doctors ?? []), ...(nurses ?? []), ...(await runBatch(bench, second))], identity }
}

async function runBatch(bench: Bench, rows: LabelledRow[]): Promise<RowResult[]> {
  const { database } = bench
  const batchId = await stage(bench, rows)
  for (let replans = 0; ; replans++) {
    await database.withTransaction(client =>
      bench.plan(client, batchId, bench.identity, { asOf, createUnmatched: 'create', transform: bench.transform })
    )
    try {
      await database.withTransaction(client => applyPlan(client, batchId, asOf))
      break
    } catch (error) {
      if (!isLostRace(error) || replans === mostReplans) throw error
    }
  }
  const { rows: planned } = await database.pool.query<{ row_no: number; outcome: string; id: number | null }>(
    `select n.row_no, coalesce(p.outcome, case when r.row_no is not null then 'rejected' else 'unchanged' end) as outcome,
      p.health_worker_id as id
    from generate_series(1, $2) n (row_no)
    left join kki.plan_row p on p.batch_id = $1 and p.row_no = n.row_no
    left join (select distinct row_no from kki.staged_rejection where batch_id = $1) r on r.row_no = n.row_no
    order by n.row_no`,
    [batchId, rows.length]
  )
  return planned.map(({ row_no, outcome, id }) => ({
    ...(rows[row_no - 1] as LabelledRow),
    outcome,
    healthWorkerId: outcome === 'rejected' ? null : id
  }))
}

async function stage({ database, identity, transform }: Bench, rows: LabelledRow[]): Promise<number> {
  const trace = randomBytes(16).toString('hex')
  const { rows: made } = await database.pool.query<{ id: number }>(
    `with run as (
      insert into kki.run (triggered_by, mode, actor, request_id, trace_id) values ('command', 'full', 'bench', 'bench', $1)
      returning id
    )
    insert into kki.batch (run_id, kind, partition, trace_id, state)
    select id, 'retry', 'bench', $1, 'fetching' from run returning id`,
    [trace]
  )
  const batchId = (made[0] as { id: number }).id
  await database.withTransaction(async client => {
    await openStaging(client, batchId)
    const writer = new PageWriter(batchId, identity)
    for (let start = 0; start < rows.length; start += rowsPerPage) {
      const records = rows.slice(start, start + rowsPerPage).map(({ record }) => record)
      const body = Buffer.from(JSON.stringify({ data: records }))
      const { page } = await readPage(
        { rows: cutList(body, 'data').list, body, sourceNow: Date.parse('2026-06-01T00:00:00Z') },
        writer,
        { transform, maxSkewMs: 0 }
      )
      await stagePages(client, batchId, [page])
    }
  })
  return batchId
}
