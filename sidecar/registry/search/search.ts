import type pg from 'pg'
import { createLikeness, leastLikeness } from './rank.ts'
import { nearSounds, readingsOf } from './spellings.ts'

/** Who is looked for; at least one of the two is there. */
export interface Sought {
  /** The STR in every way that it may be meant, the likeliest first. */
  strNumbers: readonly string[] | null
  nameKey: string | null
  /** The name matters only where nobody has the STR. Otherwise a person must fit both. */
  isEither?: boolean
}

/** A name that sounds like more people than this is too common; whoever is called exactly so comes first nevertheless. */
const mostCandidates = 3000
/** A name that agrees as well as this is meant; nothing that sounds less alike is looked for. */
const sureLikeness = 0.87

/** Returns the ids of the people who are sought, the likeliest first. People whose data is restricted are not among them. */
export async function rankPeople(
  connection: pg.Pool | pg.ClientBase,
  { strNumbers, nameKey, isEither = false }: Sought
): Promise<number[]> {
  if (strNumbers === null) return nameKey === null ? [] : rankByName(connection, nameKey)
  const holders = await readHolders(connection, strNumbers)
  if (isEither && holders.length === 0 && nameKey !== null) return rankByName(connection, nameKey)
  const people = isEither || nameKey === null ? holders : ranked(nameKey, holders)
  return people.map(({ id }) => id)
}

interface Named {
  id: number
  nameKey: string
}

/** Returns who holds the likeliest of the numbers that somebody holds. */
async function readHolders(connection: pg.Pool | pg.ClientBase, strNumbers: readonly string[]): Promise<Named[]> {
  const { rows } = await connection.query<Named & { place: number }>(
    `select h.id, h.name_key as "nameKey", min(array_position($1::text[], r.str_number::text)) as place
    from sdmk.registration r join sdmk.health_worker h on h.id = r.health_worker_id
    where r.str_number = any ($1::text[]) and h.restricted_at is null
    group by h.id order by place, h.id`,
    [strNumbers]
  )
  return rows.filter(({ place }) => place === rows[0]?.place)
}

/** Looks for names that sound alike, then nearly alike, then for names that lack a word, until a name agrees well. */
async function rankByName(connection: pg.Pool | pg.ClientBase, nameKey: string): Promise<number[]> {
  const heard = await hear(connection, nameKey)
  const [spoken = []] = heard
  const people: Named[] = []
  let found: ReturnType<typeof ranked> = []
  for (const readings of [heard, withOneNear(spoken), withoutOne(spoken)]) {
    if (readings.length === 0) continue
    people.push(...(await readCandidates(connection, nameKey, readings)))
    found = ranked(nameKey, people)
    if ((found[0]?.likeness ?? 0) >= sureLikeness) break
  }
  return found.map(({ id }) => id)
}

function ranked(nameKey: string, people: readonly Named[]): (Named & { likeness: number })[] {
  const likeness = createLikeness(nameKey)
  return [...new Map(people.map(person => [person.id, person])).values()]
    .map(person => ({ ...person, likeness: likeness(person.nameKey) }))
    .filter(person => person.likeness >= leastLikeness)
    .sort((a, b) => b.likeness - a.likeness || a.id - b.id)
}

/** The sounds that each word of a name may have; a name has one such list for each way to read it. */
type Sounds = string[][]

/** Returns what the readings of a name sound like; the first one is the name as it is. */
async function hear(connection: pg.Pool | pg.ClientBase, nameKey: string): Promise<Sounds[]> {
  const readings = readingsOf(nameKey)
  const writings = [...new Set(readings.flat(2))]
  const { rows } = await connection.query<{ sounds: string[] }>(
    'select sdmk.name_sounds(w) as sounds from unnest($1::text[]) with ordinality t (w, n) order by n',
    [writings]
  )
  const soundOf = new Map(writings.map((writing, i) => [writing, rows[i]?.sounds[0] ?? '']))
  return readings.map(reading => reading.map(word => [...new Set(word.map(writing => soundOf.get(writing) ?? ''))]))
}

/** One of the words is a letter off. */
function withOneNear(words: Sounds): Sounds[] {
  return words.map((sounds, at) => words.with(at, [...new Set(sounds.flatMap(nearSounds))]))
}

/** One of the words is missing, or another one; two words at least are left. */
function withoutOne(words: Sounds): Sounds[] {
  return words.length > 2 ? words.map((_, at) => words.toSpliced(at, 1)) : []
}

/**
 * Reads the people whose names sound like one of the readings, and those who are called exactly so. Of a single word, which many
 * names have, it reads people with a single name apart: they are meant more likely.
 */
async function readCandidates(
  connection: pg.Pool | pg.ClientBase,
  nameKey: string,
  readings: readonly Sounds[]
): Promise<Named[]> {
  const words = nameKey.split(' ')
  const values: unknown[] = [words, mostCandidates]
  const conditions = readings.map(reading => {
    const sounding = reading.map(sounds => `sdmk.name_sounds(h.name_key) && $${values.push(sounds)}::text[]`)
    return `(${sounding.join(' and ')})`
  })
  const soundsSo = `(${conditions.join(' or ')})`
  const parts = [
    `h.name_key = $${values.push(nameKey)}`,
    'h.name_key = any ($1)',
    ...(words.length === 1 ? [`${soundsSo} and strpos(h.name_key, ' ') = 0`] : []),
    soundsSo
  ].map(
    condition =>
      `(select h.id, h.name_key as "nameKey" from sdmk.health_worker h where ${condition} and h.restricted_at is null limit $2)`
  )
  const { rows } = await connection.query<Named>(parts.join(' union all '), values)
  return rows
}
