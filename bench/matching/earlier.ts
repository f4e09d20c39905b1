/** Cases of two rows that the benchmark has had from the beginning. */

import { dateOf, two } from './people.ts'
import { places } from './places.ts'
import type { Story } from './story.ts'

export function sharedDummyNik(story: Story): void {
  const { n } = story
  // Half of the dummies are shared by two people, the others by fifty.
  const serial = n % 2 === 0 ? 1000 + (n >> 1) : 1 + Math.floor(n / 50)
  // Areas without other people, because a dummy must not be a person's own NIK.
  const nik = `${n % 2 === 0 ? '320101' : '330101'}010170${String(serial).padStart(4, '0')}`
  const born = { year: 1970, month: 1, day: 1, isWoman: false }
  const one = story.somebody(born)
  story.tells(0, one, { nik })
  story.tells(1, story.somebody({ ...born, names: story.siblingNames(one, false) }), { nik })
}

export function strMistyped(story: Story): void {
  const known = story.somebody()
  const { nomor_str } = story.tells(0, known)
  story.tells(1, story.somebody({ isWoman: known.isWoman }), { nomor_str, ...(story.n % 2 === 0 && { nik: null }) })
}

export function strOfTwo(story: Story): void {
  const { n } = story
  const [one, other] = [story.somebody(), story.somebody()]
  const nomor_str = story.newStr()
  // Known before and then both at once; both at once; one after the other.
  if (n % 3 !== 1) story.tells(0, one, { nomor_str })
  if (n % 3 !== 2) story.tells(1, one, { nomor_str, provinsi: 'Bali' })
  story.tells(1, other, { nomor_str })
}

export function nikOfFifteenDigits(story: Story): void {
  const known = story.somebody()
  const { nomor_str } = story.tells(0, known, { nik: known.nik.slice(1) })
  story.tells(1, known, { nomor_str })
}

export function professionsInARace(story: Story): void {
  const { n } = story
  const person = story.somebody()
  const nomor_str = story.newStr()
  const given = n % 4 === 0 ? { nomor_str } : n % 4 === 1 ? { nomor_str, nik: null } : {}
  story.tells('race-a', person, { profesi: 'DOKTER', ...given })
  story.tells('race-b', person, { profesi: 'PERAWAT', ...given })
}

const abroad = ['Leiden', 'Osaka', 'Penang', 'Chennai', 'Perth']

export function foreigner(story: Story): void {
  const { n, chance } = story
  const known = story.somebody()
  const written = { nik: null, tempat_lahir: chance.pick(abroad) }
  story.tells(0, known, written)
  // Some renew; others have a compatriot with the same name, date and place.
  const { names, isWoman, year, month, day } = known
  story.tells(1, n % 4 === 3 ? story.somebody({ names, isWoman, year, month, day, place: places[0] }) : known, written)
}

export function swappedFields(story: Story): void {
  const known = story.somebody({ day: 1 + story.chance.below(12) })
  const { nomor_str, nama, tempat_lahir } = story.tells(0, known)
  const { year, month, day } = known
  story.tells(1, known, {
    nomor_str,
    ...(story.n % 2 === 0
      ? { nama: tempat_lahir, tempat_lahir: nama }
      : { tanggal_lahir: dateOf({ year, month: day, day: month }), nama: String(nama).toUpperCase() }),
    provinsi: two(1)
  })
}
