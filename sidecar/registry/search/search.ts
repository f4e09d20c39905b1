import type pg from 'pg'
import { createLikeness, leastLikeness } from './rank.ts'
import { nearSounds, readingsOf } from './spellings.ts'

/** The search terms; at least one of the two is not null. */
export interface Sought {
  /** The possible readings of the STR, the likeliest first. */
  strNumbers: readonly string[] | null
  nameKey: string | null
  /** If true, the name is used only if nobody has the STR. If false, a person must match both. */
  isEither?: boolean
}

/** Most people that are read per condition. A common name may have more; people with exactly this name are read first. */
const mostCandidates = 3000
/** From this likeness on, the search stops and does not try less similar names. */
const sureLikeness = 0.87

/** Returns the ids of matching people, the likeliest first, without people whose data is restricted. */
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

/** Returns the holders of the likeliest STR that has any holder. */
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

/** Searches for names that sound alike, then nearly alike, then with one word missing. It stops at a good match. */
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

/** The possible sounds of each word of a name, for one reading of the name. */
type Sounds = string[][]

/** Returns the sounds of each reading of a name; the first reading is the unchanged name. */
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

/** Variants in which one sound differs by a letter. */
function withOneNear(words: Sounds): Sounds[] {
  return words.map((sounds, at) => words.with(at, [...new Set(sounds.flatMap(nearSounds))]))
}

/** Variants in which one word is missing; at least two words remain. */
function withoutOne(words: Sounds): Sounds[] {
  return words.length > 2 ? words.map((_, at) => words.toSpliced(at, 1)) : []
}

/**
 * Reads the people whose names equal the sought one or sound like one of its readings. For a single word it first reads people
 * whose whole name is one word, because they are likelier and the limit could leave them out.
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
