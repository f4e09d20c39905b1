/** A source of chance that a seed fixes (mulberry32). */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }
}

/** Somebody invented, as they truly are; what KKI writes of them may differ. */
export interface Person {
  id: number
  names: string[]
  isWoman: boolean
  year: number
  month: number
  day: number
  place: string
  /** The first twelve digits are the region and the date of birth, women's day plus 40. */
  nik: string
}

const first = {
  women:
    'Siti Dewi Sri Nur Rina Ratna Wulan Fitri Indah Yuni Lestari Maya Putri Ayu Kartika Mega Intan Novi Rini Tuti'.split(
      ' '
    ),
  men: 'Budi Agus Andi Rudi Hendra Joko Bambang Eko Dedi Rahmat Arif Fajar Yusuf Hadi Surya Taufik Wahyu Iwan Doni Galih'.split(
    ' '
  )
}
const middle =
  'Adi Bayu Cahya Dian Eka Fadli Gita Hasan Ika Jaya Karim Lukman Mulia Nanda Oki Prima Qori Rama Satria Tirta'.split(
    ' '
  )
const last =
  'Santoso Wijaya Saputra Hidayat Nugroho Kusuma Pratama Siregar Nasution Lubis Simanjuntak Halim Gunawan Setiawan Wibowo Susanto Purnama Firmansyah Maulana Ramadhan Hakim Syahputra Utama Permana Anggraini'.split(
    ' '
  )
const places =
  'Bandung Surabaya Medan Makassar Semarang Padang Denpasar Palembang Malang Yogyakarta Manado Pontianak'.split(' ')
const regions = ['317101', '327301', '357801', '127101', '737101', '337401', '137101', '517101', '167101']

/** Makes invented people whose NIKs are all different. */
export class People {
  readonly chance: Chance
  readonly #niks = new Set<string>()
  #made = 0

  constructor(chance: Chance) {
    this.chance = chance
  }

  make(given: Partial<Omit<Person, 'id' | 'nik'>> & { regionAndDateOf?: Person } = {}): Person {
    const { chance } = this
    const isWoman = given.isWoman ?? chance.next() < 0.7
    const twin = given.regionAndDateOf
    const person = {
      id: ++this.#made,
      names: given.names ?? [chance.pick(isWoman ? first.women : first.men), chance.pick(middle), chance.pick(last)],
      isWoman: twin?.isWoman ?? isWoman,
      year: given.year ?? twin?.year ?? 1955 + chance.below(45),
      month: given.month ?? twin?.month ?? 1 + chance.below(12),
      day: given.day ?? twin?.day ?? 1 + chance.below(28),
      place: given.place ?? twin?.place ?? chance.pick(places)
    }
    return { ...person, nik: this.#nikOf(person, twin?.nik.slice(0, 6) ?? chance.pick(regions)) }
  }

  /** Another given name than this one, of the same family. */
  siblingNames(names: readonly string[], isWoman: boolean): string[] {
    const others = (isWoman ? first.women : first.men).filter(name => !names.includes(name))
    return [
      this.chance.pick(others),
      this.chance.pick(middle.filter(name => !names.includes(name))),
      names.at(-1) as string
    ]
  }

  #nikOf({ isWoman, year, month, day }: Omit<Person, 'nik'>, region: string): string {
    for (;;) {
      const serial = 1 + this.chance.below(9998)
      const nik = `${region}${two(isWoman ? day + 40 : day)}${two(month)}${two(year % 100)}${String(serial).padStart(4, '0')}`
      if (this.#niks.has(nik)) continue
      this.#niks.add(nik)
      return nik
    }
  }
}

export function two(value: number): string {
  return String(value).padStart(2, '0')
}
