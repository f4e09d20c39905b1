import { randomBytes } from 'node:crypto'
import { createIdentity, type Identity } from '../../sidecar/identity/keys.ts'
import type { Database } from '../../sidecar/platform/database.ts'
import { applyPlan, isLostRace } from '../../sidecar/registry/apply.ts'
import { PageWriter } from '../../sidecar/registry/page-writer.ts'
import { takePersonIdsFrom } from '../../sidecar/registry/person-ids.ts'
import { openStaging, stagePages } from '../../sidecar/registry/stage.ts'
import { loadMapping } from '../../sidecar/source/load.ts'
import { readPage } from '../../sidecar/sync/read-page.ts'
import type { Mapping } from '../../sidecar/transform/mapping.ts'
import { createTransform, type Transform } from '../../sidecar/transform/transform.ts'
import type { PlanBatch } from './broken.ts'
import type { RowResult } from './evaluate.ts'
import type { Labelled, LabelledRow } from './generate.ts'

const asOf = '2026-06-01'
const rowsPerPage = 500
const mostReplans = 5

interface Planned {
  row_no: number
  outcome: string
  id: number | null
  codes: string[]
  urgent: boolean
}

interface Bench {
  database: Database
  plan: PlanBatch
  identity: Identity
  mapping: Mapping
  transform: Transform
}

/** Runs the batches through transform, staging, plan and apply, and returns the result of each row, in order. */
export async function runFeeds(
  database: Database,
  mappingFile: string,
  plan: PlanBatch,
  { steps }: Pick<Labelled, 'steps'>
): Promise<{ results: RowResult[]; identity: Identity }> {
  const key = () => randomBytes(32).toString('base64')
  const identity = createIdentity({ digestKey: key(), sealKeyId: '1', sealKey1: key() })
  const mapping = await loadMapping(mappingFile)
  const bench = { database, plan, identity, mapping, transform: createTransform(mapping) }
  const results: RowResult[] = []
  for (const batches of steps) {
    // Batches of one step are staged and planned before either is applied, as with two workers.
    const done = await Promise.all(batches.map(rows => runBatch(bench, rows)))
    results.push(...done.flat())
  }
  return { results, identity }
}

async function runBatch(bench: Bench, rows: LabelledRow[]): Promise<RowResult[]> {
  const { database } = bench
  const batchId = await stage(bench, rows)
  for (let replans = 0; ; replans++) {
    await database.withTransaction(client =>
      bench.plan(client, batchId, bench.identity, { asOf, createUnmatched: 'create' })
    )
    try {
      await database.withTransaction(client => applyPlan(client, batchId, bench.identity, asOf))
      break
    } catch (error) {
      if (!isLostRace(error) || replans === mostReplans) throw error
    }
  }
  // Rows that change nothing have no plan row: they belong to the record of their registration.
  const { rows: planned } = await database.pool.query<Planned>(
    `with refused as (
      select row_no, array_agg(distinct p ->> 'code') as codes, bool_or(r.urgent) as urgent
      from kki.staged_rejection r, jsonb_array_elements(r.problems) p where r.batch_id = $1 group by row_no
    )
    select n.row_no, coalesce(r.codes, '{}') as codes, coalesce(r.urgent, false) as urgent,
      coalesce(p.outcome, case when r.row_no is not null then 'rejected' else 'unchanged' end) as outcome,
      coalesce(p.health_worker_id, l.health_worker_id) as id
    from generate_series(1, $2) n (row_no)
    left join kki.plan_row p on p.batch_id = $1 and p.row_no = n.row_no
    left join refused r on r.row_no = n.row_no
    left join kki.staged_row s on s.batch_id = $1 and s.row_no = n.row_no
    left join sdmk.registration l on l.str_number = s.str_number and l.profession = s.profession
    order by n.row_no`,
    [batchId, rows.length]
  )
  return planned.map(({ row_no, outcome, id, codes, urgent }) => ({
    ...(rows[row_no - 1] as LabelledRow),
    batchId,
    rowNo: row_no,
    outcome,
    healthWorkerId: outcome === 'rejected' ? null : id,
    codes,
    urgent
  }))
}

async function stage({ database, identity, transform }: Bench, rows: LabelledRow[]): Promise<number> {
  const trace = randomBytes(16).toString('hex')
  const { rows: made } = await database.pool.query<{ id: number }>(
    `with run as (
      insert into kki.run (triggered_by, mode, actor, request_id, trace_id) values ('command', 'retry', 'bench', 'bench', $1)
      returning id
    )
    insert into kki.batch (run_id, kind, trace_id, state)
    select id, 'retry', $1, 'fetching' from run returning id`,
    [trace]
  )
  const batchId = (made[0] as { id: number }).id
  await database.withTransaction(async client => {
    await openStaging(client, batchId)
    const writer = new PageWriter({ id: batchId, source: 'kki' }, identity, takePersonIdsFrom(client))
    for (let start = 0; start < rows.length; start += rowsPerPage) {
      const records = rows.slice(start, start + rowsPerPage).map(({ record }) => record)
      const body = Buffer.from(JSON.stringify({ data: records }))
      const page = await readPage(
        { rows: JSON.parse(String(body)).data, body, sourceNow: Date.parse('2026-06-01T00:00:00Z') },
        writer,
        { transform, maxSkewMs: 0 }
      )
      await stagePages(client, batchId, [page])
    }
  })
  return batchId
}
