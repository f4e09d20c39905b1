import type pg from 'pg'
import type { IdentityKeys } from '../identity/keys.ts'
import { openNik } from '../identity/open-sealed.ts'
import { nikOf } from '../identity/seal-place.ts'
import { HealthWorkerNotFound, NikAbsent, PersonRestricted } from '../registry/errors.ts'

interface StoredNik {
  sealed: Buffer | null
  digest: Buffer | null
  isRestricted: boolean
  fingerprint: Buffer | null
}

/**
 * Returns a person's NIK in clear; the caller records who asked, and why.
 * @throws HealthWorkerNotFound, PersonRestricted, NikAbsent, SealBroken, SealUnfit, DigestKeyUnknown
 */
export async function revealNik(client: pg.ClientBase, keys: IdentityKeys, id: number): Promise<string> {
  // The digest key of the same moment: another one may come in force meanwhile.
  const { rows } = await client.query<StoredNik>(
    `select nik_sealed as sealed, nik_digest as digest, restricted_at is not null as "isRestricted",
      (select fingerprint from sdmk.digest_key) as fingerprint
    from sdmk.health_worker where id = $1`,
    [id]
  )
  if (!rows[0]) throw new HealthWorkerNotFound(id)
  const { sealed, digest, isRestricted, fingerprint } = rows[0]
  if (isRestricted) throw new PersonRestricted(id)
  if (sealed === null) throw new NikAbsent(id)
  return openNik(await keys.under(fingerprint), nikOf(id), { sealed, digest })
}
