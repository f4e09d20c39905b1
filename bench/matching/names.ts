/** Common names in Indonesia, the most common first. No entry is a person's full name. */
import type { Chance } from './chance.ts'

const women =
  list(`Siti Sri Nur Dewi Ni Endang Ratna Rina Yuni Wahyu Eka Dwi Tri Fitri Indah Ayu Putri Maria Lestari Kartika Rini Tuti Titik Ani Lina
  Desi Desy Novita Intan Mega Nurul Umi Emi Yanti Yuliana Yulia Ida Ika Rita Rosita Susi Susanti Wiwik Winarti Aisyah Aisah Fatimah
  Khadijah Aminah Halimah Maimunah Nurhayati Nuraini Nur'aini Nurjanah Nurlaela Rohmah Ni'mah Sa'diyah Mutmainah Anisa Annisa Rahma
  Zahra Salma Hana Hasna Farida Faridah Latifah Lutfiah Masitoh Mardiana Mariana Murniati Sumiati Suryani Sumarni Sulastri Suharti Supriyati
  Sutinah Tumini Wahyuni Wati Wulan Yayuk Yeni Yenny Zubaidah Theresia Agnes Kristina Martha Ester Debora Elisabeth Ruth Neneng
  Euis Cucu Iis Imas Komala Luh Made Kadek Komang Wayan Ketut Cut Citra Laras Melati Sekar Bunga Cahya Cahyani Dina Diana Dian Erna
  Evi Fifi Vivi Vera Feri Hesti Heni Henny Juwita Jumiati Julaeha Kurnia Leni Lia Lilis Marlina Meri Mira Mutia Nia Nina Nova
  Octavia Puji Puspita Ranti Retno Ria Rizki Rohani Rusmini Sari Septi Shinta Silvia Tiara Tika Vina Yosefa`)

const men =
  list(`Muhammad Agus Budi Ahmad Bambang Slamet Eko Dwi Tri Andi Wahyu Joko Hendra Rizki Yusuf Ibrahim Ismail Dedi Arif Fajar Hadi Imam
  Irfan Ilham Rahmat Taufik Yudi Zainal Abdul Ali Umar Usman Hasan Husein Husin Iwan Irwan Adi Aditya Andri Anton Ari Asep Bayu Benny
  Cahyo Cahya Candra Dadang Dani Daniel Darma Deni Didik Djoko Doni Edi Edy Efendi Fahmi Faisal Ferdi Firman Galih Gede Gunawan Guntur
  Hari Hasanudin Hendri Heri Herman Heru I Indra Iskandar Jaya Jamaludin Johan Jumadi Kadek Ketut Khairul Komang Krisna Kurnia Lukman Made
  Mahmud Ma'ruf Mas'ud Markus Mulyadi Mulyono Nanang Nana Novan Nyoman Oki Oscar Petrus Pramudya Putu Raden Rangga Rendi Ridwan Rifa'i
  Roni Rudi Rusdi Ruslan Saiful Samsul Samuel Sandi Satria Sigit Simon Sofyan Stefanus Sugeng Sugiyono Suharto Sujarwo Sukarno Sulaiman
  Sunaryo Supardi Supriyanto Surya Sutrisno Suwarno Suyatno Sya'ban Syafi'i Syahrul Syaiful Syamsudin Teguh Teuku Thomas Toni Ujang Untung
  Victor Vino Wahid Wawan Wayan Widodo Yanto Yohanes Yoga Yosef Yulianto Zaenal Zulfikar Zulkifli`)

const lastWomen =
  list(`Rahayu Lestari Wulandari Handayani Astuti Sari Utami Safitri Hidayati Rahmawati Susanti Puspitasari Anggraini Kusumawati Setyowati
  Wahyuningsih Ningsih Purwanti Maharani Hasanah Fitriani Oktaviani Yuliana Pratiwi Permatasari Dewi Wijayanti Rohmah Khasanah Kurniawati
  Mulyani Suryani Widyastuti Trisnawati Nurhayati Agustina Damayanti Budiarti Indriani Julianti Novitasari Febriani Marlina Ariani Apriliani`)

const lastMen =
  list(`Santoso Wijaya Hidayat Saputra Setiawan Kurniawan Nugroho Susanto Gunawan Wibowo Pratama Ramadhan Firmansyah Hakim Maulana
  Prasetyo Purnomo Raharjo Permana Kusuma Sudrajat Hartono Budiman Halim Salim Lesmana Prabowo Wirawan Suryadi Mulyadi Supriyadi Syahputra
  Iskandar Fauzi Basri Abdullah Abidin Zulkarnain Rahman Arifin Yusuf Hasan Effendi Subagyo Suhendra Haryanto Cahyono Wahyudi Nurdin`)

const families =
  list(`Siregar Nasution Harahap Lubis Simanjuntak Sitompul Hutapea Sinaga Pangaribuan Tarigan Ginting Sembiring Manurung Panjaitan
  Simatupang Situmorang Silalahi Hasibuan Pohan Tobing Pattinasarany Latuconsina Tuasikal Rumbiak Wonda Mandacan Kogoya Tanuwijaya
  Lumentut Mangindaan Wowor Sumual Daeng Mappanyukki Assegaf Alatas Baswedan Bahri Caniago Koto Piliang Sikumbang`)

const middle =
  list(`Nur Dwi Tri Eka Adi Ayu Putri Putra Indah Fajar Surya Bayu Dian Gita Hasan Jaya Karim Lukman Mulia Nanda Prima Rama Satria
  Tirta Cahya Kartika Kusuma Catur Panca Bagus Aji Rizki Akbar Alam Arif Aulia Fauzi Ilmi Laila Maulida Zaki Yusuf Yuni Wahyu`)

/** Names of one word, mostly of older people. */
const single = {
  women:
    list(`Suharti Sumarni Sutinah Kasinem Ngatinem Parjiyem Sarinah Kasiyem Sulastri Sumiati Nurhayati Maryam Rohani Aminah Marni
  Tumini Wagiyem Sri Jumiati Murni Suparti Rukmini Poniyem`),
  men: list(`Suparman Sukarno Suyatno Wagiman Tukiman Paimin Sutrisno Sugiyono Mulyono Supardi Slamet Suharto Sunaryo Ponidi Jumadi
  Yusuf Sudirman Kasman Ngadimin Sarman Sujono Abdullah Mahfud`)
} as const

/** Second words that go with a first one. */
const compounds: Readonly<Record<string, readonly string[]>> = {
  Siti: list(
    'Nurhayati Aisyah Aminah Fatimah Maryam Khadijah Rohmah Rahayu Zulaikha Mutmainah Nurjanah Sarah Halimah Maimunah Juwariyah'
  ),
  Abdul: list(
    'Rahman Rahim Aziz Hamid Kadir Karim Latif Malik Manan Majid Razak Rohim Salam Wahab Wahid Ghofur Gani Hakim'
  ),
  Ni: list('Luh Made Wayan Ketut Nyoman Kadek Putu Komang'),
  I: list('Made Wayan Ketut Nyoman Gede Kadek Putu Komang'),
  Nur: list('Aini Hasanah Hidayah Hayati Fitriani Azizah Laila Rohmah Jannah Khasanah'),
  Sri: list('Rahayu Wahyuni Lestari Handayani Mulyani Utami Hartati Sumarni Astuti Widodo Suharti Wulandari')
}

/** Returns the words of a name: one word for a few, two for half, otherwise three or four. */
export function nameOf(chance: Chance, isWoman: boolean, year: number): string[] {
  if (chance.is(year < 1970 ? 0.14 : 0.04)) return [chance.pickCommon(isWoman ? single.women : single.men)]
  const words = [chance.pickCommon(isWoman ? women : men)]
  if (words[0] === 'Muhammad') words.push(chance.pickCommon(men))
  const compound = compounds[words.at(-1) as string]
  if (compound) words.push(chance.pickCommon(compound))
  const drawn = chance.next()
  if (!isWoman || !compound || drawn < 0.4) {
    if (drawn < 0.35) words.push(chance.pickCommon(middle))
    if (drawn < 0.07) words.push(chance.pickCommon(middle))
    words.push(familyNameOf(chance, isWoman))
  }
  return [...new Set(words)]
}

/** Returns the last word of a name; for some a family name. */
export function familyNameOf(chance: Chance, isWoman: boolean): string {
  if (chance.is(0.3)) return chance.pickCommon(families)
  return chance.pickCommon(isWoman ? lastWomen : lastMen)
}

/** Returns a first name that is not in `others`. */
export function firstNameOf(chance: Chance, isWoman: boolean, others: readonly string[]): string {
  for (;;) {
    const name = chance.pickCommon(isWoman ? women : men)
    if (!others.includes(name) && !(name in compounds) && name !== 'Muhammad') return name
  }
}

/** First names of twins. */
export const twinNames = {
  women: pairs(
    'Desi Desy, Nuraini Nuraina, Rina Rini, Dina Dini, Fitri Fitra, Yuli Yuni, Ratna Ratni, Lina Lini, Dewi Devi, Nia Tia, Ika Eka, Siti Sita'
  ),
  men: pairs(
    'Hasan Husein, Andi Andri, Rudi Rudy, Hendra Hendri, Dedi Deni, Heri Heru, Ari Adi, Roni Doni, Rizki Rizka, Iwan Irwan, Budi Badi, Yusuf Yunus'
  )
} as const

/** Names that are also titles, or look like them, with the name that they could be confused with. */
export const titleLikeNames = pairs(
  `Haji Hadi, Mars Mira, Raden Randi, Ir Irma, Kos Kosim, Ners Nersi, Fiha Fina, Amd Amdan, Ahli Alif, Bidan Bidin, Se Seno, Sp Sapto,
  Daeng Danang, Andi Anda, Teuku Teguh, Cut Cucu, Ns Nisa, Drajat Darajat, Apt Apit, H Hadi, S Sri, M Maria, A Ahmad`
)

function list(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}

function pairs(text: string): readonly (readonly [string, string])[] {
  return text.split(',').map(pair => list(pair) as unknown as readonly [string, string])
}
