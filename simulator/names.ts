import type { Dice } from './random.ts'

/** Marks a token that a record may spell in one of the variants below. */
const MUHAMMAD = 'Muhammad'

const MUHAMMAD_VARIANTS = ['Muhammad', 'Mohammad', 'Mohamad', 'Mochamad', 'Muhamad', 'Moh.', 'Moch.', 'Muh.'] as const

const MEN = list(`Agus Budi Bambang Slamet Joko Hendra Rizki Andi Yusuf Ibrahim Ismail Dedi Eko Dwi Tri Wahyu Arif Fajar
  Hadi Imam Irfan Ilham Rahmat Taufik Yudi Zainal Ketut Made Wayan Nyoman Gede Teuku Raden Gusti Johan Markus Yohanes
  Petrus Samuel Daniel Anton Rifa'i Syafi'i Sya'ban Khairul Asep Ujang Dadang Cecep Bayu Galih Satria Rangga Surya`)

const WOMEN = list(`Siti Sri Dewi Ratna Endang Rina Nur Nur'aini Aisyah Fatimah Aminah Khadijah Wulan Ayu Putri Indah
  Lestari Maya Yuni Tuti Titik Ani Rini Lina Desi Fitri Novita Intan Mega Kartika Cut Rahma Zahra Salma Hana Maria
  Theresia Agnes Kristina Ni'mah Rohmah Sumiati Wati Neneng Euis Komang Luh Kadek Anisa Sekar Melati Citra Laras`)

const FAMILY = list(`Santoso Wijaya Hidayat Saputra Setiawan Kurniawan Nugroho Susanto Gunawan Wibowo Pratama Ramadhan
  Firmansyah Hakim Maulana Siregar Nasution Harahap Lubis Simanjuntak Sitompul Hutapea Sinaga Pangaribuan Tarigan
  Ginting Sembiring Manurung Panjaitan Lumban Tobing Pattinasarany Latuconsina Tuasikal Rumbiak Wonda Mandacan Kogoya
  Sutrisno Suryadi Mulyadi Supriyadi Purnomo Raharjo Sudrajat Permana Kusuma Anggraini Puspita Rahayu Handayani
  Wulandari Utami Safitri Maharani Kusumawati Astuti Hasanah Ma'ruf Mas'ud Zulkarnain Abdullah Abidin Fauzi Basri
  Daeng Mappanyukki Karaeng Pawiro Kartono Wirawan Tanuwijaya Halim Salim Lesmana Prabowo Hartono Budiman`)

const SINGLE = list('Suparman Sukarno Suharti Suyatno Sumarni Parjiyem Ngatinem Wagiman Tukiman Sarinah Kasiyem Paimin')

/** One hundred and one hundred: a number below 10,000 picks exactly one pair, and no pair is picked twice. */
const FOREIGN_FIRST = combined(list('Al Ben Cor Dar El Fin Gar Har Jan Kar'), list('an ia o us en ita is or eth un'))
const FOREIGN_LAST = combined(
  list('Ang Bor Chan Dela Fer Gar Kim Lim Mor Tan'),
  list('mak ovic dez son gu ka wong rani ez li')
)

/** Returns a person's name as tokens, titles not included. A few people have a single name. */
export function localName(dice: Dice, isWoman: boolean): string[] {
  if (dice.chance(0.02)) return [dice.pick(SINGLE)]
  const first = dice.pick(isWoman ? WOMEN : MEN)
  const tokens = !isWoman && dice.chance(0.25) ? [MUHAMMAD, first] : [first]
  if (dice.chance(0.45)) tokens.push(dice.pick(isWoman ? WOMEN : MEN))
  tokens.push(dice.pick(FAMILY))
  return [...new Set(tokens)]
}

/** Returns the name of a foreign national; different for every number below 10,000. */
export function foreignName(number: number): string[] {
  return [FOREIGN_FIRST[number % 100] ?? 'Alan', FOREIGN_LAST[Math.floor(number / 100) % 100] ?? 'Angson']
}

/** Returns the name as one record writes it: case, blanks, entities and spellings differ, the person does not. */
export function writtenName(dice: Dice, tokens: readonly string[]): string {
  const spelled = tokens.map(token => (token === MUHAMMAD ? dice.pick(MUHAMMAD_VARIANTS) : token))
  let name = spelled.join(dice.chance(0.03) ? '  ' : ' ')
  if (dice.chance(0.3)) name = name.toUpperCase()
  else if (dice.chance(0.03)) name = name.toLowerCase()
  if (name.includes("'") && dice.chance(0.5)) name = name.replaceAll("'", dice.pick(['&#039;', '&apos;', '&rsquo;']))
  return dice.chance(0.02) ? ` ${name} ` : name
}

function list(text: string): readonly [string, ...string[]] {
  const [first = '', ...rest] = text.split(/\s+/)
  return [first, ...rest]
}

function combined(starts: readonly string[], ends: readonly string[]): string[] {
  return starts.flatMap(start => ends.map(end => start + end))
}
