import type pg from 'pg'
import { RequestInvalid } from '../errors.ts'
import type { Identity } from '../identity/keys.ts'
import { openNik } from '../identity/open-sealed.ts'
import { nikOf } from '../identity/seal-place.ts'
import { distance } from '../platform/closest.ts'
import { isDay } from '../platform/instant.ts'
import { nameKey } from '../transform/name.ts'
import { canonicalStr } from '../transform/str-number.ts'

/** How to look for a person. Numbers and names are read from standard input, since other users can see a command line. */
export const findings = ['nik', 'str', 'name'] as const
export type FindBy = (typeof findings)[number]

/** The subject of a report: one person of the registry, or a NIK or STR without a match. */
export interface Subject {
  healthWorkerId: number | null
  nikDigest: Buffer | null
  strNumber: string | null
}

/** A person who may be the one. */
export interface PersonCandidate {
  id: number
  name: string
  registrations: number
}

export type Found = { subject: Subject } | { candidates: PersonCandidate[] }

/** One wrong letter is allowed for every six letters of a name. */
const lettersPerEdit = 6

/**
 * Returns the person who is meant, or the candidates: several people share an STR or a name, or only similar names exist.
 * @param given a NIK, an STR, or a name and a date of birth, one on each line
 * @throws RequestInvalid, SealBroken, SealUnfit
 */
export async function findPerson(client: pg.ClientBase, identity: Identity, by: FindBy, given: string): Promise<Found> {
  if (by === 'nik') return { subject: await byNik(client, identity, given) }
  const people = by === 'str' ? await byStr(client, given) : await byName(client, given)
  const [only] = people
  if (by === 'str' && people.length === 0) {
    return { subject: { healthWorkerId: null, nikDigest: null, strNumber: canonicalStr(given) } }
  }
  if (only?.isExact && people.filter(({ isExact }) => isExact).length === 1) {
    return { subject: await ofPerson(client, identity, only.id) }
  }
  return { candidates: people.map(({ id, name, registrations }) => ({ id, name, registrations })) }
}

/** Returns the subject for a person's id, even if the person was deleted. @throws SealBroken, SealUnfit */
export async function ofPerson(client: pg.ClientBase, identity: Identity, id: number): Promise<Subject> {
  const { rows } = await client.query<StoredNik>(`select ${storedNik} from sdmk.health_worker where id = $1`, [id])
  const [stored] = rows
  if (stored) assertNikFits(identity, stored)
  return { healthWorkerId: id, nikDigest: stored?.digest ?? null, strNumber: null }
}

async function byNik(client: pg.ClientBase, identity: Identity, nik: string): Promise<Subject> {
  if (!/^\d{16}$/.test(nik)) throw new RequestInvalid('nik', 'must be 16 digits')
  const nikDigest = identity.digestNik(nik)
  const { rows } = await client.query<StoredNik>(`select ${storedNik} from sdmk.health_worker where nik_digest = $1`, [
    nikDigest
  ])
  const [stored] = rows
  if (stored) assertNikFits(identity, stored)
  return { healthWorkerId: stored?.id ?? null, nikDigest, strNumber: null }
}

interface StoredNik {
  id: number
  sealed: Buffer | null
  digest: Buffer | null
}

const storedNik = 'id, nik_sealed as sealed, nik_digest as digest'

/** Checked because a digest that was moved would show one person's data to another. */
function assertNikFits(identity: Identity, { id, sealed, digest }: StoredNik): void {
  if (sealed !== null) openNik(identity, nikOf(id), { sealed, digest })
}

type Near = PersonCandidate & { isExact: boolean }

async function byStr(client: pg.ClientBase, given: string): Promise<Near[]> {
  const strNumber = canonicalStr(given)
  if (strNumber.length < 8 || strNumber.length > 24) {
    throw new RequestInvalid('str', 'must have 8 to 24 letters and digits')
  }
  const { rows } = await client.query<Near>(
    `select h.id, h.name, ${registrations}, true as "isExact" from sdmk.health_worker h
    where h.id in (select health_worker_id from sdmk.registration where str_number = $1) order by h.id`,
    [strNumber]
  )
  return rows
}

async function byName(client: pg.ClientBase, given: string): Promise<Near[]> {
  const [name = '', birthDate = ''] = given.split('\n').map(line => line.trim())
  const key = nameKey(name)
  if (key === '') throw new RequestInvalid('name', 'must contain more than titles')
  if (!isDay(birthDate)) throw new RequestInvalid('birthDate', 'must be YYYY-MM-DD')
  const { rows } = await client.query<Near & { key: string }>(
    `select h.id, h.name, ${registrations}, h.name_key as key, h.name_key = $2 as "isExact"
    from sdmk.health_worker h where h.birth_date = $1 order by h.id`,
    [birthDate, key]
  )
  return rows.filter(row => row.isExact || isNear(row.key, key)).sort((a, b) => Number(b.isExact) - Number(a.isExact))
}

const registrations = `(select count(*) from sdmk.registration r where r.health_worker_id = h.id)::int as registrations`

/** True if every word of the shorter name is in the other, perhaps misspelt. */
function isNear(a: string, b: string): boolean {
  const [fewer = [], more = []] = [a.split(' '), b.split(' ')].sort((x, y) => x.length - y.length)
  const free = [...more]
  return fewer.every(word => {
    const at = free.findIndex(other => distance(word, other) <= Math.max(1, Math.floor(word.length / lettersPerEdit)))
    if (at >= 0) free.splice(at, 1)
    return at >= 0
  })
}
