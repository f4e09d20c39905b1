import type pg from 'pg'
import { HealthWorkerNotFound, NikAbsent } from './errors.ts'
import type { IdentityKeys } from './identity.ts'

/** Returns a person's NIK in clear; the caller records who asked, and why. @throws HealthWorkerNotFound, NikAbsent, SealBroken */
export async function revealNik(
  client: pg.ClientBase,
  identity: Pick<IdentityKeys, 'open'>,
  id: number
): Promise<string> {
  const { rows } = await client.query<{ sealed: Buffer | null }>(
    'select nik_sealed as sealed from sdmk.health_worker where id = $1',
    [id]
  )
  if (!rows[0]) throw new HealthWorkerNotFound(id)
  if (rows[0].sealed === null) throw new NikAbsent(id)
  return identity.open('nik', rows[0].sealed).toString('utf8')
}
