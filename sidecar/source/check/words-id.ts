import type { Words } from './words.ts'

export const indonesian: Words = {
  findings: {
    unreachable: p => `Sumber tidak dapat dihubungi${inBrackets(p.detail)}. Periksa KKI_BASE_URL dan jaringan.`,
    certificateRejected: p => `Sertifikat sumber ${certificateFault(p.detail)} (${p.detail}).`,
    tooSlow: () => 'Sumber tidak menjawab tepat waktu. Minta halaman yang lebih kecil, atau naikkan KKI_PAGE_TIMEOUT.',
    secretIncomplete: () => 'Kredensial tidak dapat dipakai. Periksa isi rahasia "kki".',
    credentialsDenied: p =>
      `Sumber menolak kredensial (${denial(p.status)}). Periksa rahasia "kki" dan cara deskripsi mengirimkannya.`,
    tokenPathWrong: p => `Alamat permintaan token tidak ada di sana (status ${p.status}).`,
    tokenElsewhere: p =>
      `Jawaban permintaan token tidak berisi token di ${p.expected}; isi yang mirip token ada di ${p.found}.`,
    tokenMissing: p => `Jawaban permintaan token tidak berisi token yang dapat dipakai di ${p.expected}.`,
    tokenUnavailable: p => `Permintaan token dijawab dengan status ${p.status}. Coba lagi nanti.`,
    redirected: p =>
      `Sumber mengalihkan ke ${p.location} (status ${p.status}). Pengalihan tidak diikuti: tuliskan tempat itu di deskripsi.`,
    htmlAnswered: p =>
      `Sumber menjawab dengan halaman web (HTML, status ${p.status}), bukan JSON. KKI_BASE_URL atau alamat mengarah ke situs web atau halaman masuk.`,
    pathNotFound: p => `Alamat ${p.path} tidak ada di bawah KKI_BASE_URL (status 404).`,
    methodDenied: p => `Sumber menolak metode ${p.method} untuk alamat ini (status 405).`,
    tokenDenied: p =>
      `Sumber menolak token atau kunci pada permintaan daftar (status ${p.status}${p.place === '' ? '' : `, dengan kode di ${p.place}`}). Periksa tempat pengirimannya: header atau alamat, nama, awalan, dan scope.`,
    forbidden: p => `Kredensial ini tidak berhak membaca daftar (status ${p.status}). Mintalah hak itu kepada konsil.`,
    firstNumberWrong: p => `Sumber menghitung mulai dari ${p.countsFrom}; deskripsi menyebut ${p.described}.`,
    requestDenied: p =>
      `Sumber menolak permintaan (status ${p.status}, halaman ${p.page}). Periksa nama dan bentuk parameter.`,
    unavailable: p =>
      `Sumber menjawab dengan status ${p.status} (halaman ${p.page}). Coba lagi nanti, atau hubungi pengelolanya.`,
    encodingBroken: () =>
      'Isi jawaban tidak sesuai dengan Content-Encoding: kompresi (gzip) rusak. Hubungi pengelola sumber.',
    notJson: p => `Jawaban bukan JSON (Content-Type ${p.type}).`,
    faultReported: p =>
      `Sumber melaporkan kesalahan${p.place === '' ? ` (status ${p.status})` : ` di ${p.place}`}. Jika kode itu menyangkut token atau kunci, periksa /authentication: tempat pengiriman, nama, dan prefiks. Jika tidak, periksa permintaannya.`,
    rowsElsewhere: p => `Tidak ada daftar di "${p.expected}". Daftar data ada di ${p.found}.`,
    errorInBody: p =>
      `Jawaban berstatus 2xx tanpa baris, tetapi berisi kode di ${p.place}: ${p.code}. Jika kode itu kesalahan, tuliskan di deskripsi.`,
    rowsMissing: p => `Tidak ada daftar di "${p.expected}", dan jawaban tidak berisi daftar data lain.`,
    errorReported: p => `Sumber melaporkan kesalahan di ${p.at}, walaupun statusnya 2xx.`,
    linkElsewhere: () =>
      'Alamat halaman berikutnya berada di host atau alamat lain daripada KKI_BASE_URL. Kredensial tidak dikirim ke sana.',
    nextMissing: p => `Halaman berikutnya tidak ditemukan${inBrackets(p.detail)}.`,
    clockMissing: () =>
      'Jawaban tidak berisi waktu sumber yang dapat dibaca di tempat yang disebut deskripsi. Tuliskan jam lain.',
    moduleFailed: () => 'Modul yang disebut deskripsi gagal.',
    answerUnusable: p => `Jawaban sumber tidak dapat dipakai${inBrackets(p.detail)}.`,
    noRows: () => 'Sumber menjawab tanpa satu baris pun. Periksa parameter penyaring.',
    pageRepeated: () =>
      'Halaman kedua berisi baris halaman pertama: sumber tidak mengenal parameter yang menyebut halaman.',
    cursorRepeated: () => 'Sebuah kursor muncul lagi: pembacaan tidak akan berakhir. Periksa isi kursor.',
    rowsRepeated: p =>
      `${p.rows} dari ${p.of} baris muncul di dua halaman. Mintalah urutan yang tetap, dan periksa pembagian halaman.`,
    clockWrong: p =>
      `Jam sumber ${p.direction === 'ahead of' ? 'lebih cepat' : 'lebih lambat'} ${p.seconds} detik daripada jam kita.`,
    timesInFuture: p =>
      `${p.rows} baris berubah di masa depan, paling jauh ${p.hours} jam: zona waktu tanggal salah, atau jamnya.`,
    windowShifted: p =>
      `Rentang waktu bergeser ${p.hours} jam: ada zona waktu yang salah. Periksa zona rentang dan zona tanggal.`,
    windowIgnored: p =>
      `${p.outside} dari ${p.received} baris berada di luar rentang waktu. Mungkin sumber mengabaikan rentang itu: periksa nama parameternya. Mungkin waktunya bergeser: periksa zona waktu rentang dan tanggal.`,
    windowEmpty: p =>
      `Rentang waktu yang memuat ${p.expected} baris contoh tidak menghasilkan baris. Periksa format batasnya, misalnya detik atau milidetik.`,
    sinceExclusive: () => 'Sumber tidak menyertakan baris pada awal rentang: batas since bersifat exclusive.',
    fieldElsewhere: p => `Tidak ada baris yang berisi ${p.expected}; ${nameOf(p.field)} tampaknya ada di ${p.found}.`,
    fieldEmpty: p => `${p.rows} dari ${p.of} baris tidak berisi ${nameOf(p.field)} di ${p.expected}.`,
    numberInexact: p =>
      `${p.rows} baris menulis ${nameOf(p.field)} sebagai angka, sehingga digitnya dapat hilang. Mintalah teks kepada sumber.`,
    nikRounded: p => `${p.rows} dari ${p.of} NIK dibulatkan, misalnya 3,2E+15. Lembar sebar telah merusaknya.`,
    namesMasked: p => `${p.rows} dari ${p.of} nama disamarkan dengan tanda bintang. Mintalah nama lengkap.`,
    dayMonthExchanged: p =>
      `Hari dan bulan tertukar: pada ${p.rows} dari ${p.of} baris, NIK menyebut tanggal lahir sebaliknya.`,
    datesUnread: p =>
      `Tidak ada format yang membaca ${p.rows} dari ${p.of} nilai ${nameOf(p.field)}.${p.formats === '' ? '' : ` Format yang cocok: ${p.formats}.`}`,
    wordsUnknown: p =>
      `${p.rows} dari ${p.of} nilai ${nameOf(p.field)} tidak ada di tabel${p.words === '' ? '' : `: ${p.words}`}.${
        p.hidden === 0 ? '' : ` ${p.hidden} nilai lain tidak ditampilkan, karena mungkin data pribadi.`
      } Tambahkan setiap kata dengan arti yang ditetapkan konsil.`,
    typeWrong: p =>
      `${p.rows} dari ${p.of} nilai ${nameOf(p.field)} salah jenis. ${
        p.field === 'nik'
          ? 'Mintalah NIK sebagai teks: konverter tidak mengembalikan angka yang hilang.'
          : 'Tambahkan konverter, misalnya { "at": …, "convert": ["text"] }.'
      }`,
    valuesUnreadable: p => `${p.rows} dari ${p.of} nilai ${nameOf(p.field)} tidak dapat dibaca (${p.reasons}).`,
    unsorted: () =>
      'Baris tidak diurutkan menurut waktu perubahan. Baris yang berubah selama pembacaan dapat terlewat: mintalah urutan.',
    totalWrong: p => `Jumlah menurut sumber ${p.total}, sedangkan ${p.received} baris diterima.`,
    untilInclusive: () => 'Sumber menyertakan baris pada akhir rentang: batas until bersifat inclusive.',
    pageSizeCapped: p =>
      `Diminta ${p.asked} baris per halaman, diterima paling banyak ${p.received}: sumber membatasinya. Tuliskan batas itu di sana.`,
    pageSizeIgnored: p =>
      `Diminta ${p.asked} baris per halaman, diterima ${p.received}: sumber mengabaikan permintaan itu.`,
    slow: p => `Sumber memberi ${p.rowsPerSecond} baris per detik; pembacaan lengkap akan lama.`,
    windowMissing: () => 'Deskripsi tidak memuat rentang waktu: setiap pembacaan mengambil semuanya.'
  },
  wrong: 'Salah',
  warning: 'Peringatan',
  fine: 'Baik: sumber menjawab sesuai deskripsi.',
  noPage: 'Token dan halaman pertama: gagal.',
  pages: (pages, rows, rate) => `Halaman: ${pages}, berisi ${rows} baris, ${rate} baris per detik.`,
  pageSize: (asked, received, total) =>
    `Ukuran halaman: ${asked === null ? 'tidak diminta' : `diminta ${asked}`}, diterima ${received}. Jumlah menurut sumber: ${total ?? 'tidak disebut'}.`,
  end: isReached => `Akhir halaman: ${isReached ? 'tercapai' : 'tidak tercapai dengan contoh ini'}.`,
  clock: (seconds, isBehind) => `Jam: ${isBehind ? 'lebih lambat' : 'lebih cepat'} ${seconds} detik daripada jam kita.`,
  windowNotChecked: 'Rentang waktu: tidak diperiksa.',
  window: ({ received, expected, outside, hasSince, hasUntil }) =>
    `Rentang waktu: diminta bagian dengan ${expected} baris contoh; ${received} diterima, ${outside} di antaranya di luar bagian itu; since ${bound(hasSince)}, until ${bound(hasUntil)}.`,
  accepted: (accepted, rows) => `Baris: ${accepted} dari ${rows} akan diterima.`,
  valid: (str, strPresent, nik, nikPresent) =>
    `Nomor STR yang sah: ${str} dari ${strPresent}. NIK yang sah: ${nik} dari ${nikPresent}.`,
  fields: 'Kolom (terbaca, kosong, tidak terbaca):',
  notUsed: 'Tidak dipakai:',
  filledIn: share => `terisi ${share}`
}

/** Names of fields for readers; the message starts with the place in the description. */
const fieldNames: Record<string, string> = {
  strNumber: 'nomor STR',
  nik: 'NIK',
  name: 'nama',
  titlePrefix: 'gelar depan',
  titleSuffix: 'gelar belakang',
  birthPlace: 'tempat lahir',
  birthDate: 'tanggal lahir',
  sex: 'jenis kelamin',
  profession: 'profesi',
  competence: 'kompetensi',
  status: 'status STR',
  issuedOn: 'tanggal terbit',
  validUntil: 'tanggal berakhir',
  changedAt: 'waktu perubahan',
  institution: 'institusi pendidikan',
  graduationYear: 'tahun lulus',
  province: 'provinsi'
}

function nameOf(field: unknown): string {
  return fieldNames[String(field)] ?? String(field)
}

function bound(has: boolean | null): string {
  return has === null ? 'tidak diketahui' : has ? 'inclusive' : 'exclusive'
}

function certificateFault(code: unknown): string {
  if (code === 'CERT_HAS_EXPIRED') return 'sudah kedaluwarsa, sehingga server di KKI_BASE_URL perlu sertifikat baru'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'bukan untuk nama di KKI_BASE_URL'
  return 'tidak dapat dipercaya tanpa otoritasnya di NODE_EXTRA_CA_CERTS'
}

function inBrackets(detail: unknown): string {
  return detail === '' || detail === undefined ? '' : ` (${detail})`
}

/** Many APIs answer a wrong password with status 200, which alone would mean success. */
function denial(status: unknown): string {
  return Number(status) < 300 ? `status ${status} tanpa token` : `status ${status}`
}
