import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import { openNik } from '../identity/open-sealed.ts'
import { nikOf } from '../identity/seal-place.ts'
import { HealthWorkerNotFound, NikAbsent, PersonRestricted } from '../registry/errors.ts'

interface StoredNik {
  sealed: Buffer | null
  digest: Buffer | null
  isRestricted: boolean
}

/**
 * Returns a person's NIK in clear; the caller records the requester and the reason.
 * @throws HealthWorkerNotFound, PersonRestricted, NikAbsent, SealBroken, SealUnfit
 */
export async function revealNik(client: pg.ClientBase, identity: Identity, id: number): Promise<string> {
  const { rows } = await client.query<StoredNik>(
    `select nik_sealed as sealed, nik_digest as digest, restricted_at is not null as "isRestricted"
    from sdmk.health_worker where id = $1`,
    [id]
  )
  if (!rows[0]) throw new HealthWorkerNotFound(id)
  const { sealed, digest, isRestricted } = rows[0]
  if (isRestricted) throw new PersonRestricted(id)
  if (sealed === null) throw new NikAbsent(id)
  return openNik(identity, nikOf(id), { sealed, digest })
}
