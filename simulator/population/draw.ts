/** What is drawn for a record; each gets numbers of its own, so that a new one does not change the others. */
export const salts = {
  block: 1,
  profession: 2,
  alias: 3,
  foreign: 4,
  sex: 5,
  nameForm: 6,
  givenName: 7,
  middleName: 8,
  lastName: 9,
  birthDay: 10,
  birthPlace: 11,
  contradiction: 12,
  strFormat: 13,
  strLetters: 14,
  strStyle: 15,
  standing: 16,
  endDate: 17,
  endStyle: 18,
  nameStyle: 19,
  titles: 20,
  placeStyle: 21,
  issued: 22,
  dateStyle: 23,
  institution: 24,
  province: 25,
  extra: 26,
  stamp: 27,
  secondProfession: 28,
  entity: 29,
  change: 30,
  changedTo: 31
} as const

/** Returns 32 evenly spread bits that depend on nothing but the three numbers. */
export function draw(seed: number, index: number, salt: number): number {
  return scramble(scramble(Math.imul(index, 0x9e3779b1) + Math.imul(salt, 0x632be5ab)) ^ seed) >>> 0
}

/** Returns the element that `number` falls on; every list here is constant and not empty. */
export function pick<T>(list: readonly T[], number: number): T {
  return list[number % list.length] as T
}

/** The finalizer of MurmurHash3. */
function scramble(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
