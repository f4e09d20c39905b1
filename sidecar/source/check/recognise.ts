import { type FieldSource, tokensOf } from '../../transform/field-source.ts'
import type { MappedField } from '../../transform/mapping.ts'
import { nikFault } from '../../transform/nik.ts'
import { compileProfessions } from '../../transform/professions.ts'
import { canonicalStr, strFormatOf } from '../../transform/str-number.ts'
import type { Tables } from '../../transform/tables.ts'
import { foldWord } from '../../transform/text.ts'
import { suggestFormats } from './date-formats.ts'

/** A place in the records that may be a field, and its values. */
export interface Place {
  source: FieldSource
  /** Its name: the keys of its path. */
  keys: string[]
  values: readonly unknown[]
}

export interface Guess {
  place: Place
  /** The reason for the recognition. */
  by: ('name' | 'content')[]
}

/** Returns the keys of a pointer as words, without places in lists. */
export function keysOf(pointer: string): string[] {
  return tokensOf(pointer)
    .filter(key => !/^\d+$/.test(key))
    .map(wordsOf)
}

/** Returns a key as words: `noSTR`, `no-str` and `No STR` are no_str. */
export function wordsOf(key: string): string {
  return key
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z\d]+/g, '_')
    .replaceAll(/^_|_$/g, '')
}

/**
 * Names of each field, Indonesian and English, as the last key or the last two keys of its place. Fields with more specific
 * names come first, since a place serves only one field.
 */
const names: Record<MappedField, RegExp> = {
  nik: /^(?:(?:no|nomor)_)?(?:nik|ktp|id_card)(?:_(?:no|number))?$|^(?:no|nomor)_identitas$|^(?:national|identity)_(?:id|number)(?:_number)?$/,
  strNumber:
    /^(?:(?:no|nomor|number)_)?(?:str|registrasi)(?:_(?:no|nomor|number|kki))?$|^str_kki_number$|^str_(?:no|nomor|number|kode)(?:_baru)?$|^(?:registration|licen[cs]e)(?:_(?:no|number))?$/,
  titlePrefix: /^(?:gelar|title)_(?:depan|prefix|front|awal)$|^(?:front|prefix)_title$|^prefix$/,
  titleSuffix: /^(?:gelar|title)_(?:belakang|suffix|back|akhir)$|^(?:back|suffix)_title$|^suffix$/,
  birthPlace: /^(?:tempat|tmp|tmpt|kota)_lahir$|^(?:birth_?place|place_of_birth|birth_city)$/,
  birthDate: /^(?:tanggal|tgl|tggl)_?(?:lahir|lhr)$|^(?:birth_?date|date_of_birth|dob|birthday)$/,
  sex: /^(?:(?:id|kode)_)?(?:jenis_kelamin|jns_kelamin|jenkel|kelamin|jk)$|^(?:sex|gender)(?:_code)?$/,
  competence:
    /^(?:(?:nama|kode)_)?kompetensi(?:_nama)?$|^competen(?:ce|cy)$|^spesialis(?:asi)?$|^special(?:ty|ity|isation|ization)$|^kualifikasi$/,
  profession:
    /^(?:(?:nama|kode|id)_)?(?:profesi|jenis_(?:nakes|sdmk|tenaga(?:_kesehatan)?))$|^profesi_(?:nama|kode|id)$|^(?:profession|occupation|cadre)(?:_(?:name|code))?$/,
  status:
    /^(?:(?:kode|id)_)?(?:status|keadaan|kondisi)(?:_(?:str|registrasi|data|aktif|kode|nama))?$|^(?:str|registration|licen[cs]e)_status$|^validitas$|^keaktifan$/,
  validUntil:
    /^(?:tanggal|tgl|masa)?_?(?:berlaku|kadaluarsa|kedaluwarsa|berakhir|akhir|sampai)(?:_(?:sampai|hingga|str|akhir))*$|^(?:valid_(?:until|to|thru)|expir(?:y|es|ed|ation)(?:_(?:date|at|on))?|end_date|period_end)$|^str_sampai$/,
  issuedOn:
    /^(?:tanggal|tgl)_?(?:terbit|penerbitan|str|mulai|registrasi)(?:_str)?$|^(?:mulai_berlaku|berlaku_(?:dari|mulai)|terbit|str_terbit)$|^(?:issue|issued)(?:_(?:date|at|on))?$|^(?:valid_from|start_date|period_start)$/,
  institution:
    /^(?:nama_)?(?:institusi|perguruan_tinggi|universitas|kampus|pt|lulusan)(?:_pendidikan)?$|^(?:institution|university|school|issuer_display)(?:_name)?$/,
  graduationYear: /^(?:tahun|thn)_?lulus$|^graduat(?:ion|ed)_?year$|^year_(?:of_graduation|graduated)$/,
  province: /^(?:nama_)?(?:provinsi|propinsi|prov)(?:_nama)?$|^province(?:_name)?$/,
  changedAt:
    /^(?:waktu|tanggal|tgl)_?(?:ubah|diubah|perubahan|update|pembaruan)$|^(?:diubah|diperbarui)(?:_pada)?$|^(?:updated|modified|changed)(?:_(?:at|on|date|time))?$|^last_?(?:updated?|modified|change)(?:_(?:at|on|date))?$|^update_(?:time|date)$/,
  name: /^nama(?:_(?:lengkap|nakes|tenaga|pemilik|tanpa_gelar))?$|^(?:full_?|display_)?name$|^name_text$/
}

/** Parents that name something other than a person. */
const otherThings =
  /^(?:profesi|profession|provinsi|province|kabupaten|kota|city|kompetensi|institusi|perguruan_tinggi|fasyankes|unit|status|jenis_kelamin)/

/** The share of values that must agree to recognise a field by its content. */
const share = 0.7

/** Returns, for each field that some place seems to hold, the likeliest place. Every place serves one field only. */
export function recognise(places: readonly Place[], tables: Tables): Map<MappedField, Guess> {
  const contents = compileContents(tables)
  const guesses = new Map<MappedField, Guess>()
  const taken = new Set<Place>()
  const candidates = (Object.keys(names) as MappedField[]).flatMap(field =>
    places.map(place => ({ field, ...score(field, place, contents[field]) }))
  )
  for (const { field, place, by, points } of candidates.sort((a, b) => b.points - a.points)) {
    if (points <= 0 || guesses.has(field) || taken.has(place)) continue
    guesses.set(field, { place, by })
    taken.add(place)
  }
  return guesses
}

interface Content {
  fits: (values: readonly unknown[]) => boolean
  /** Recognises the field without its name. */
  alone?: boolean
}

function score(field: MappedField, place: Place, content: Content | undefined): Guess & { points: number } {
  const last = place.keys.at(-1) ?? ''
  const lastTwo = place.keys.slice(-2).join('_')
  const isOther = field === 'name' && place.keys.slice(0, -1).some(key => otherThings.test(key))
  // Two keys are more specific than one: profesi/nama is a profession, and nama alone a name.
  const byName = isOther ? 0 : names[field].test(lastTwo) && place.keys.length > 1 ? 3 : names[field].test(last) ? 2 : 0
  // Few or masked values do not contradict a name.
  const fits = content !== undefined && place.values.length > 0 && content.fits(place.values)
  const points = byName + (fits && (byName > 0 || content.alone) ? 1.5 : 0) - place.keys.length * 0.01
  const by: Guess['by'] = [...(byName > 0 ? (['name'] as const) : []), ...(fits ? (['content'] as const) : [])]
  return { place, by, points: byName > 0 || (fits && content?.alone) ? points : 0 }
}

function compileContents(tables: Tables): Partial<Record<MappedField, Content>> {
  const isWord = (words: Record<string, unknown>) => {
    const folded = new Set(Object.keys(words).map(foldWord))
    return (value: unknown) => typeof value === 'string' && folded.has(foldWord(value))
  }
  const professionOf = compileProfessions(tables.professions)
  const isDate: Content = {
    fits: values => (suggestFormats(values, tables.monthNames)?.read ?? 0) >= share * values.length
  }
  return {
    nik: { fits: most(value => nikFault(String(value).replaceAll(/\D/g, '')) === null), alone: true },
    strNumber: { fits: most(value => strFormatOf(canonicalStr(String(value))) !== 'unknown'), alone: true },
    sex: { fits: most(isWord(tables.sexWords)), alone: true },
    status: { fits: most(isWord(tables.statusWords)), alone: true },
    profession: {
      fits: most(value => typeof value === 'string' && professionOf(value, () => ['2026-01-01']) !== null),
      alone: true
    },
    graduationYear: { fits: most(value => /^(?:19[5-9]|20[0-9])\d$/.test(String(value))) },
    name: { fits: most(value => typeof value === 'string' && /\p{L}{2}/u.test(value)) },
    birthDate: isDate,
    issuedOn: isDate,
    validUntil: isDate,
    changedAt: isDate
  }
}

function most(test: (value: unknown) => boolean): Content['fits'] {
  return values => values.filter(test).length >= share * values.length
}
