import type pg from 'pg'
import { HealthWorkerNotFound, NikAbsent } from './errors.ts'
import type { IdentityKeys } from './identity.ts'
import { nikOf, openNik } from './seal-place.ts'

/**
 * Returns a person's NIK in clear; the caller records who asked, and why.
 * @throws HealthWorkerNotFound, NikAbsent, SealBroken, SealUnfit, DigestKeyUnknown
 */
export async function revealNik(client: pg.ClientBase, keys: IdentityKeys, id: number): Promise<string> {
  // The digest key of the same moment: another one may come in force meanwhile.
  const { rows } = await client.query<{ sealed: Buffer | null; digest: Buffer | null; fingerprint: Buffer | null }>(
    `select nik_sealed as sealed, nik_digest as digest, (select fingerprint from sdmk.digest_key) as fingerprint
    from sdmk.health_worker where id = $1`,
    [id]
  )
  if (!rows[0]) throw new HealthWorkerNotFound(id)
  const { sealed, digest, fingerprint } = rows[0]
  if (sealed === null) throw new NikAbsent(id)
  return openNik(await keys.under(fingerprint), nikOf(id), { sealed, digest })
}
