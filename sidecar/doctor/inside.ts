import type pg from 'pg'
import type { Config } from '../config.ts'
import { examineServer, examineStandby } from './database.ts'
import type { Finding } from './finding.ts'
import { examineWork } from './work.ts'

/** Somebody waits for the answer. */
const patienceSeconds = 15

/**
 * Returns what a running service finds in its own installation: the checks of `sdmk doctor` that need neither secrets nor much
 * time. `sdmk doctor` also reads keys, the whole audit chain and the disk.
 */
export async function examineInside(
  pool: pg.Pool,
  { reads, ...config }: Pick<Config, 'reads' | 'timeZone' | 'odoo'>
): Promise<Finding[]> {
  const [server, standby, work] = await Promise.all([
    examineServer(pool),
    reads.url === null ? null : examineStandby(pool, reads.url, reads.maxAgeSeconds, patienceSeconds),
    examineWork(pool, config)
  ])
  return [...server, ...(standby === null ? [] : [standby]), ...work]
}
