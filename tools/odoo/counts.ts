import type { DeveloperOdoo } from './developer.ts'

export interface OdooCounts {
  healthWorkers: number
  registrations: number
  batches: number
  rejections: number
}

/** Returns the number of records of each kind in Odoo. */
export async function readCounts(odoo: Pick<DeveloperOdoo, 'query'>): Promise<OdooCounts> {
  const rows = await odoo.query<Record<keyof OdooCounts, string>>(
    `select
      (select count(*) from sdmk_health_worker where active) as "healthWorkers",
      (select count(*) from sdmk_registration where active) as registrations,
      (select count(*) from sdmk_batch) as batches,
      (select count(*) from sdmk_rejection) as rejections`
  )
  const counts = Object.entries(rows[0] ?? {}).map(([name, value]) => [name, Number(value)])
  return Object.fromEntries(counts) as OdooCounts
}
