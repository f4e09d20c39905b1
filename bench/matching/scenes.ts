/** Cases in which two people may be confused, or a number is in the wrong row. */
import { firstNameOf, titleLikeNames, twinNames } from './names.ts'
import type { Given, Person } from './people.ts'
import type { Row, Story } from './story.ts'

/** The person's own NIK on both rows, on one of them or on none: each gets a third of the cases. */
export function nikChannel({ n, chance }: Story): [known: Row, next: Row] {
  const without = { nik: null }
  if (n % 3 === 0) return [{}, {}]
  if (n % 3 === 1) return chance.is(0.5) ? [without, {}] : [{}, without]
  return [without, without]
}

export function twins(story: Story): void {
  const { chance } = story
  const isWoman = chance.is(0.6)
  const [one, other] = chance.pick(twinNames[isWoman ? 'women' : 'men'])
  const first = story.somebody({ isWoman })
  const rest = first.names.slice(1)
  const twin = { ...first, names: [one, ...rest] }
  Object.assign(first, twin)
  const second = story.somebody({ nikAfter: first, names: [other, ...rest] })
  both(story, first, second, 0.25)
}

export function fatherAndSon(story: Story): void {
  const father = story.somebody({ isWoman: false, year: 1950 + story.chance.below(22) })
  const { names, place } = father
  const son = story.somebody({
    names,
    isWoman: false,
    year: father.year + 20 + story.chance.below(12),
    ...(story.chance.is(0.6) && { place })
  })
  both(story, father, son, 0.25)
}

export function sameNameDateAndPlace(story: Story): void {
  const one = story.somebody()
  const { names, isWoman, year, month, day, place, profession } = one
  both(story, one, story.somebody({ names, isWoman, year, month, day, place, profession }))
}

/** Rows of both people, under one STR in a share of the cases, as after a mix-up; then the licence of one of them changes. */
function both(story: Story, one: Person, other: Person, sameStrShare = 0): void {
  const { chance } = story
  const [known, next] = nikChannel(story)
  const first = { ...known, nomor_str: story.newStr() }
  const second = { ...next, nomor_str: chance.is(sameStrShare) ? first.nomor_str : story.newStr() }
  story.tells(0, one, first)
  story.tells(1, other, second)
  if (chance.is(0.3)) story.tells(2, other, { ...second, provinsi: 'Bali' })
  else if (chance.is(0.4)) story.tells(2, one, { ...first, provinsi: 'Bali' })
}

export function strsExchanged(story: Story): void {
  const [one, other] = similarPeople(story)
  const [first, second] = nikChannel(story)
  const [a, b] = [story.newStr(), story.newStr()]
  if (story.chance.is(0.7)) {
    story.tells(0, one, { ...first, nomor_str: a })
    story.tells(0, other, { ...first, nomor_str: b })
  }
  story.tells(1, one, { ...second, ...lacking(story), nomor_str: b })
  story.tells(1, other, { ...second, ...lacking(story), nomor_str: a })
  if (story.chance.is(0.4)) {
    story.tells(2, one, { ...first, nomor_str: a })
    story.tells(2, other, { ...first, nomor_str: b })
  }
}

export function strUnderAnotherProfession(story: Story): void {
  const [one, other] = similarPeople(story)
  const [first, second] = nikChannel(story)
  const nomor_str = story.newStr()
  story.tells(0, one, { ...first, nomor_str })
  story.tells(1, other, { ...second, ...lacking(story), nomor_str, profesi: one.profession.second })
  if (story.chance.is(0.4)) story.tells(2, one, { ...first, nomor_str, provinsi: 'Bali' })
  if (story.chance.is(0.3))
    story.tells(2, other, { ...second, nomor_str, profesi: one.profession.second, provinsi: 'Bali' })
}

export function oneNikOnTwoPeople(story: Story): void {
  const [holder, other] = similarPeople(story)
  const { nik } = holder
  const known = story.chance.is(0.7)
  if (known) story.tells(0, holder)
  const wrong = story.tells(1, other, { ...lacking(story), nik })
  if (!known) story.tells(2, holder)
  // The office finds the error, in some cases.
  else if (story.chance.is(0.4)) story.tells(2, other, { nomor_str: wrong.nomor_str })
}

export function nikOfANeighbour(story: Story): void {
  const { chance } = story
  const neighbour = story.somebody()
  const isSibling = chance.is(0.2)
  const person = story.somebody({
    nikAfter: neighbour,
    ...(isSibling && { names: story.siblingNames(neighbour, neighbour.isWoman) })
  })
  const [known] = story.n % 2 === 0 ? [{}] : [{ nik: null }]
  story.tells(0, neighbour)
  const { nomor_str } = story.tells(0, person, known)
  story.tells(1, person, { nik: neighbour.nik, ...(chance.is(0.5) && { nomor_str }) })
  if (chance.is(0.3)) story.tells(2, neighbour, { provinsi: 'Bali' })
}

const deactivations = ['MENINGGAL', 'MENINGGAL', 'DICABUT', 'TIDAK_AKTIF', 'DIBEKUKAN'] as const

export function deactivationUnderAnothersStr(story: Story): void {
  const { chance, n } = story
  const holder = story.somebody()
  const { names, place } = holder
  const likeness: Given[] = [
    {},
    {},
    {},
    {},
    {},
    { names },
    { place },
    { isWoman: holder.isWoman, names: story.siblingNames(holder, holder.isWoman) }
  ]
  const other = story.somebody(likeness[n % likeness.length])
  const holderNik = chance.is(0.8) ? {} : { nik: null }
  const otherNik = n % 5 === 0 ? {} : { nik: null }
  const { nomor_str } = story.tells(0, holder, holderNik)
  if (chance.is(0.5)) story.tells(0, holder, { ...holderNik, profesi: holder.profession.second })
  if (chance.is(0.4)) story.tells(0, other, otherNik)
  story.tells(1, other, {
    ...otherNik,
    ...lacking(story),
    nomor_str,
    profesi: holder.profession.code,
    status_str: chance.pick(deactivations)
  })
}

/** Three rows of a list with one shifted column, as in a wrongly sorted spreadsheet. */
export function slidColumn(story: Story): void {
  const { chance, n } = story
  const people = [story.somebody(), story.somebody(), story.somebody()]
  const columns = [['nik'], ['nama'], ['tanggal_lahir'], ['nomor_str'], ['tempat_lahir'], ['nama', 'jenis_kelamin']][
    n % 6
  ] as string[]
  const isKnown = chance.is(0.6)
  const hasNik = chance.is(0.7) || columns.includes('nik')
  const nik = hasNik ? {} : { nik: null }
  const profession = people[0]?.profession.code
  const right = people.map(person => {
    const given = { ...nik, profesi: profession, nomor_str: story.newStr() }
    return { person, record: isKnown ? story.tells(0, person, given) : writtenOnly(story, person, given), given }
  })
  for (const [at, { person, given }] of right.entries()) {
    const above = right[(at + 1) % right.length]?.record as Row
    const slid = Object.fromEntries(columns.map(column => [column, above[column]]))
    story.tells(1, person, { ...given, ...slid, provinsi: 'Banten' })
  }
  if (!isKnown || chance.is(0.3)) for (const { person, given } of right) story.tells(2, person, given)
}

export function titleLikeName(story: Story): void {
  const { chance, n } = story
  const [name, other] = chance.pick(titleLikeNames)
  const first = story.somebody()
  const rest = first.names.length > 1 ? first.names.slice(1) : [first.names[0] as string]
  const words = chance.is(0.5) ? [name, ...rest] : [...rest, name]
  Object.assign(first, { names: words })
  const [known, next] = nikChannel(story)
  const { nomor_str } = story.tells(0, first, known)
  if (n % 2 === 0) {
    // The same person, with another title next to the name.
    const nama = chance.pick([
      `${words.join(' ')}`,
      `dr. ${words.join(' ')}`,
      words.join(' ').toUpperCase(),
      `${words.join(' ')}, S.Kep.`
    ])
    story.tells(1, first, { ...next, nama, ...(chance.is(0.5) && { nomor_str }) })
    return
  }
  // Another member of the family, who lacks the word that looks like a title, or has another one; some under the same STR.
  const { isWoman, year, month, day, place } = first
  const born = chance.is(0.5) ? { year, month, day } : {}
  const names = chance.is(0.5) ? rest : words.map(word => (word === name ? other : word))
  const mixedUp = !('year' in born) && chance.is(0.4) ? { nomor_str, ...lacking(story) } : {}
  story.tells(1, story.somebody({ names, isWoman, place, ...born }), { ...next, ...mixedUp })
}

export function renewal(story: Story): void {
  const { chance } = story
  const person = story.somebody()
  const [known, next] = nikChannel(story)
  const { nomor_str } = story.tells(0, person, { ...known, tanggal_terbit: '2021-01-01', berlaku_sampai: '2026-12-31' })
  story.tells(1, person, { ...next, tanggal_terbit: '2026-02-01' })
  if (chance.is(0.5))
    story.tells(2, person, { ...known, nomor_str, status_str: 'TIDAK_AKTIF', tanggal_terbit: '2021-01-01' })
}

export function severalProfessions(story: Story): void {
  const { chance } = story
  const person = story.somebody()
  const { code, second } = person.profession
  const [known, next] = nikChannel(story)
  const { nomor_str } = story.tells(0, person, { ...known, profesi: code })
  const more = chance.is(0.5) ? { nomor_str } : {}
  const added = story.tells(1, person, { ...next, ...more, profesi: second })
  if (chance.is(0.4)) story.tells(2, person, { ...next, nomor_str: added.nomor_str, profesi: second, provinsi: 'Bali' })
}

export function siblingsNik(story: Story): void {
  const person = story.somebody()
  const { chance } = story
  const sibling = story.somebody({
    names: story.siblingNames(person, chance.is(0.5)),
    year: person.year + chance.pick([-6, -4, -3, -2, 2, 3, 4, 6]),
    place: person.place
  })
  withNikOfRelative(story, person, sibling, 0.4)
}

export function mothersNik(story: Story): void {
  const person = story.somebody({ year: 1975 + story.chance.below(26) })
  const mother = story.somebody({ isWoman: true, year: person.year - 20 - story.chance.below(16), place: person.place })
  withNikOfRelative(story, person, mother, 0.25)
}

function withNikOfRelative(story: Story, person: Person, relative: Person, knownShare: number): void {
  const { chance, n } = story
  const { nik } = relative
  if (chance.is(knownShare)) story.tells(0, relative)
  const { nomor_str } = story.tells(0, person, n % 8 > 5 ? { nik: null } : {})
  const next = story.tells(1, person, { nik, ...(n % 2 === 0 && { nomor_str }) })
  if (chance.is(0.2)) story.tells(2, person, { nomor_str: next.nomor_str, provinsi: 'Bali' })
}

/** Two people, some with a part of the name, the place, the sex or the date in common by chance. */
function similarPeople(story: Story): [Person, Person] {
  const { chance, n } = story
  const one = story.somebody()
  const { names, isWoman, year, month, day, place } = one
  const likeness: Given[] = [
    {},
    { isWoman, place },
    { names: story.siblingNames(one, isWoman), isWoman, place },
    { year, month, day, isWoman },
    // Common names are those of many people.
    { names, isWoman },
    { names, isWoman: !isWoman },
    { names, isWoman, place },
    { names: [...names, firstNameOf(chance, isWoman, names)], isWoman }
  ]
  return [one, story.somebody(likeness[Math.floor(n / 3) % likeness.length])]
}

/** Values that a row may lack: without date or place less contradicts it. */
function lacking({ chance }: Story): Row {
  return chance.pick<Row>([
    {},
    {},
    {},
    { tanggal_lahir: null },
    { tempat_lahir: null },
    { tanggal_lahir: null, tempat_lahir: null }
  ])
}

/** A row in KKI's form that KKI does not send. */
function writtenOnly(story: Story, person: Person, given: Row): Row {
  const record = story.tells(0, person, given)
  story.rows.pop()
  return record
}
