import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import { openNik } from '../identity/open-sealed.ts'
import { formerNikOf, nikBeforeChangeOf, nikOf } from '../identity/seal-place.ts'

/**
 * NIKs that move to another row are resealed for it. They are few, because a person that a batch creates gets the id for
 * which the NIK was sealed.
 */

/** NIKs that are moved at a time; bounds memory. */
const atATime = 1000

interface Moving {
  id: number
  /** The id for which the staged NIK is sealed. */
  stagedFor: number | null
  sealed: Buffer
  digest: Buffer
  /** The replaced NIK, which is stored as a former one and in the change record; null if there was none. */
  formerSealed: Buffer | null
  formerDigest: Buffer | null
}

/**
 * Seals the NIKs that the rows of a batch give to known people, and those that they replace, within the
 * transaction that applies the batch. @throws SealBroken, SealUnfit
 */
export async function moveMergedNiks(client: pg.ClientBase, identity: Identity): Promise<void> {
  await client.query(
    `declare moving cursor for
    select id, nik_staged_for as "stagedFor", nik_sealed as sealed, nik_digest as digest,
      case when nik_is_replaced then (before).nik_sealed end as "formerSealed",
      case when nik_is_replaced then (before).nik_digest end as "formerDigest"
    from merged where nik_digest is not null and (nik_is_replaced or (before).nik_digest is null)`
  )
  for (;;) {
    const { rows } = await client.query<Moving>(`fetch ${atATime} from moving`)
    if (rows.length === 0) break
    const moved = rows.map(row => sealAnew(identity, row))
    await client.query(
      `update merged m
      set nik_sealed = u.sealed, former_nik_sealed = u.former, before.nik_sealed = coalesce(u.changed, (m.before).nik_sealed)
      from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[]) as u (id, sealed, former, changed)
      where m.id = u.id`,
      [
        rows.map(({ id }) => id),
        moved.map(({ sealed }) => sealed),
        moved.map(({ former }) => former),
        moved.map(({ changed }) => changed)
      ]
    )
  }
  await client.query('close moving')
}

function sealAnew(identity: Identity, { id, stagedFor, sealed, digest, formerSealed, formerDigest }: Moving) {
  const nik = openNik(identity, nikOf(stagedFor), { sealed, digest })
  const replaced = formerSealed && takeFrom(identity, id, { sealed: formerSealed, digest: formerDigest })
  return {
    sealed: identity.seal(nikOf(id), nik),
    former: replaced?.former ?? null,
    changed: replaced?.changed ?? null
  }
}

/** Returns a NIK that a person loses, sealed as a former one and for the change record. @throws SealBroken, SealUnfit */
export function takeFrom(
  identity: Identity,
  healthWorkerId: number,
  stored: { sealed: Buffer; digest: Buffer | null }
): { former: Buffer; changed: Buffer } {
  const nik = openNik(identity, nikOf(healthWorkerId), stored)
  return {
    former: identity.seal(formerNikOf(healthWorkerId), nik),
    changed: identity.seal(nikBeforeChangeOf(healthWorkerId), nik)
  }
}

/** Seals the NIKs that an undo restores for their people, within its transaction. @throws SealBroken, SealUnfit */
export async function giveBackNiks(client: pg.ClientBase, identity: Identity): Promise<void> {
  const { rows } = await client.query<{ id: number; sealed: Buffer; digest: Buffer | null }>(
    `select id, decode(substr(restored ->> 'nik_sealed', 3), 'hex') as sealed,
      decode(substr(restored ->> 'nik_digest', 3), 'hex') as digest
    from undo_person where restored ->> 'nik_sealed' is not null and not is_new`
  )
  if (rows.length === 0) return
  const sealed = rows.map(({ id, ...stored }) =>
    identity.seal(nikOf(id), openNik(identity, nikBeforeChangeOf(id), stored))
  )
  await client.query(
    `update undo_person p
    set restored = jsonb_set(p.restored, '{nik_sealed}', to_jsonb('\\x' || encode(u.sealed, 'hex')))
    from unnest($1::bigint[], $2::bytea[]) as u (id, sealed)
    where p.id = u.id`,
    [rows.map(({ id }) => id), sealed]
  )
}
