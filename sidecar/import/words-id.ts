import type { FaultParams, Words } from './words.ts'

export const indonesian: Words = {
  file: 'berkas',
  place: ({ line, row, character, column }) =>
    [
      line === undefined ? '' : `baris ${line}`,
      row === undefined ? '' : `baris ${row}`,
      character === undefined ? '' : `karakter ke-${character}`,
      column === undefined ? '' : `kolom ${typeof column === 'string' ? `"${column}"` : `ke-${column}`}`
    ]
      .filter(Boolean)
      .join(', '),
  faults: {
    cellTooFar: p => `ada sel di luar kolom ke-${p.columns}`,
    columnMissing: p => `tajuk tidak memuat kolom "${p.column}"`,
    columnTwice: p => `tajuk memuat "${p.column}" untuk kedua kalinya`,
    columnUnknown: p => `tajuk memuat kolom yang bukan salah satu dari ${p.columns}`,
    denied: () => 'tidak dapat dibaca, karena pengguna ini tidak berhak membacanya',
    folder: () => 'ini folder, bukan berkas',
    formatUnknown: p => `akhir namanya bukan salah satu dari ${p.endings}; sebutkan formatnya (--format)`,
    headerElsewhere: p => `baris ${p.row} tidak memuat semua kolom dalam deskripsi; ${lacks(p)}`,
    headerMissing: p => `${p.rows} baris pertama tidak memuat tajuk dengan semua kolom dalam deskripsi; ${lacks(p)}`,
    inTwoPlaces: p =>
      `tajuk memuat "${p.column}" pada kolom ke-${p.first} dan ke-${p.second}; sebutkan bersama judul di atasnya`,
    isUtf8: p => `berisi UTF-8, bukan ${p.encoding}; pilih pengodean utf-8`,
    listDamaged: () => 'berkas rusak: daftar isinya tidak dapat dibaca',
    missing: () => 'tidak ada',
    niksRounded: () =>
      'semua NIK berakhir dengan 0 karena dibulatkan oleh lembar kerja; ubah format kolom itu menjadi teks',
    noRecords: () => 'tidak memuat data',
    noVisibleSheet: () => 'semua lembarnya tersembunyi',
    notCsv: p => `bukan CSV (${p.reason})`,
    notInEncoding: p => `bukan ${p.encoding}`,
    notUtf8: () => 'bukan UTF-8; simpan berkas sebagai UTF-8, atau pilih pengodeannya, misalnya windows-1252',
    notWorkbook: () => 'bukan berkas .xlsx: tidak memuat buku kerja',
    notXlsx: () =>
      'bukan berkas .xlsx; mungkin formatnya lebih lama, atau berkas berkata sandi: simpan sebagai .xlsx tanpa kata sandi',
    nul: () =>
      'karakter NUL, yang tidak boleh ada dalam teks; simpan berkas sebagai UTF-8, atau sebutkan pengodeannya, misalnya utf-16le',
    partDamaged: () => 'berkas rusak: ada bagian yang tidak dapat dibuka',
    partMissing: () => 'berkas .xlsx tidak utuh: ada bagian yang hilang',
    partNotXml: () => 'berkas rusak: ada bagian yang bukan XML',
    partTooLarge: () => 'isinya setelah dibuka jauh lebih besar daripada sebuah daftar; simpan lembarnya sebagai CSV',
    password: () => 'berkas berkata sandi; simpan tanpa kata sandi',
    quoteOpen: () => 'tanda kutip yang dibuka di sini tidak ditutup',
    recordTooLong: p =>
      `data yang dimulai di sini lebih panjang dari ${p.characters} karakter; mungkin ada tanda kutip yang tidak ditutup`,
    sheetForPeople: p => `akhir namanya bukan salah satu dari ${p.endings}; simpan lembarnya sebagai CSV UTF-8`,
    sheetMissing: p => `tidak ada lembar "${p.sheet}"`,
    textsTooLarge: p => `teks di dalamnya lebih dari ${p.bytes} bita; simpan lembarnya sebagai CSV`,
    tooDeep: p => `bukan daftar: ada ${p.elements} elemen bersarang`,
    tooFewValues: p => `ada ${p.values} nilai, sedangkan tajuk memuat ${p.columns} kolom`,
    tooLong: p => `lebih panjang dari ${p.characters} karakter`,
    tooManySheets: p => `memuat lebih dari ${p.sheets} lembar`,
    unreadable: p => `tidak dapat dibaca (${p.reason})`,
    valueTooLong: p => `memuat nilai yang lebih panjang dari ${p.characters} karakter`,
    valueWithoutColumn: p =>
      `ada nilai tanpa kolom di tajuk, yang memuat ${p.columns} kolom; nilai yang memuat pemisah harus diapit tanda kutip`
  }
}

function lacks({ closest, columns }: FaultParams): string {
  if (closest === undefined) return `kolomnya ${columns}`
  return `yang paling mendekati adalah baris ${closest}, yang tidak memuat ${columns}`
}
