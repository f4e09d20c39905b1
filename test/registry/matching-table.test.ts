import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { applyRows, candidate, testIdentity } from './helpers.ts'

type Row = Partial<Candidate>

interface Line {
  rule: number
  says: string
  /** Rows that are applied before, one batch each; decisions name them by their index. */
  known?: Row[]
  decided?: { row: Row; to: number | 'new' }[]
  batch: Row[]
  createUnmatched?: 'review'
  /** Per row of the batch: outcome and rule or code, and whose it is: the place of a known row, or `new`. */
  becomes: [string, (number | 'new')?][]
  /** For each row: the values that agree and differ with its person, or with its best candidate. */
  because?: string[]
  /** Rows of the batch that are urgent, by their place. */
  urgent?: number[]
}

const siti: Row = {
  strNumber: 'EQ00000000009001',
  nik: '3171014101900011',
  name: 'Siti Aminah Putri',
  nameKey: 'AMINAH PUTRI SITI',
  birthDate: '1990-01-01',
  birthPlace: 'Bandung',
  birthPlaceKey: 'BANDUNG'
}
const rudi: Row = {
  strNumber: 'EQ00000000009002',
  nik: '1271010202800022',
  name: 'Rudi Tabuti',
  nameKey: 'RUDI TABUTI',
  birthDate: '1980-02-02',
  birthPlace: 'Medan',
  birthPlaceKey: 'MEDAN'
}
const shorter = { name: 'Siti Aminah', nameKey: 'AMINAH SITI' }
const renamed = { name: 'Siti Rahmawati', nameKey: 'RAHMAWATI SITI' }
const otherNik = '3171014101900012'
const newStr = { strNumber: 'EQ00000000009003' }
const later = { changedAt: '2026-02-01T00:00:00.000Z' }
const last = { changedAt: '2026-03-01T00:00:00.000Z' }

const lines: Line[] = [
  {
    rule: 0,
    says: 'a decision for this STR and NIK applies, whatever differs',
    known: [siti],
    decided: [{ row: { ...siti, nik: otherNik }, to: 0 }],
    batch: [{ ...siti, ...renamed, ...later, nik: otherNik, birthDate: null }],
    becomes: [['updated 0', 0]]
  },
  {
    rule: 0,
    says: 'a decision for another NIK does not apply',
    known: [siti],
    decided: [{ row: { ...siti, nik: '3171014101900099' }, to: 0 }],
    batch: [{ ...siti, ...later, nik: otherNik }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 0,
    says: 'a decision for a new person creates one',
    known: [siti],
    decided: [{ row: { ...siti, nik: otherNik }, to: 'new' }],
    batch: [{ ...siti, ...later, nik: otherNik }],
    becomes: [['created 0', 'new']]
  },
  {
    rule: 1,
    says: 'of rows of one STR and one person the newest counts',
    batch: [siti, { ...siti, ...later }],
    becomes: [
      ['superseded 1', 'new'],
      ['created 9', 'new']
    ]
  },
  {
    rule: 1,
    says: 'a missing NIK on one of them does not separate them if name keys agree',
    batch: [
      { ...siti, ...later },
      { ...siti, nik: null, birthDate: null }
    ],
    becomes: [
      ['created 9', 'new'],
      ['superseded 1', 'new']
    ]
  },
  {
    rule: 1,
    says: 'each profession of the STR keeps its newest row',
    batch: [siti, { ...siti, ...later, profession: 'dentist' }],
    becomes: [
      ['created 9', 'new'],
      ['linked 3', 'new']
    ]
  },
  {
    rule: 2,
    says: 'rows of one STR with two NIKs match nobody',
    batch: [siti, { ...siti, ...later, nik: otherNik }],
    becomes: [['STR_AMBIGUOUS'], ['STR_AMBIGUOUS']]
  },
  {
    rule: 2,
    says: 'rows of one STR with different names match nobody if one has no NIK',
    batch: [siti, { ...siti, ...renamed, ...later, nik: null }],
    becomes: [['STR_AMBIGUOUS'], ['STR_AMBIGUOUS']]
  },
  {
    rule: 3,
    says: 'same NIK and compatible names',
    known: [siti],
    batch: [{ ...siti, ...shorter, ...later, birthDate: '1991-01-01' }],
    becomes: [['updated 3', 0]]
  },
  {
    rule: 3,
    says: 'same NIK and birth date under another name, which waits for review',
    known: [siti],
    batch: [{ ...siti, ...renamed, ...later }],
    becomes: [['updated 3 NAME_DIFFERS', 0]]
  },
  {
    rule: 3,
    says: 'no NIK on the row, name keys agree, and no birth date contradicts',
    known: [siti],
    batch: [{ ...siti, ...later, nik: null, birthDate: null }],
    becomes: [['updated 3', 0]]
  },
  {
    rule: 3,
    says: 'no NIK in the registry, compatible names and the same birth date',
    known: [{ ...siti, nik: null }],
    batch: [{ ...siti, ...shorter, ...later }],
    becomes: [['updated 3', 0]]
  },
  {
    rule: 3,
    says: 'a profession that is new for the STR is linked',
    known: [siti],
    batch: [{ ...siti, ...later, profession: 'dentist' }],
    becomes: [['linked 3', 0]]
  },
  {
    rule: 4,
    says: 'same NIK, but neither name nor birth date',
    known: [siti],
    batch: [{ ...siti, ...renamed, ...later, birthDate: '1991-01-01' }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 4,
    says: 'a NIK that differs by one digit is another person’s',
    known: [siti],
    batch: [{ ...siti, ...later, nik: otherNik }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 4,
    says: 'no NIK, name keys agree, but year and day of birth differ',
    known: [siti],
    batch: [{ ...siti, ...later, nik: null, birthDate: '1985-07-09' }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 4,
    says: 'no NIK, and compatible names alone',
    known: [siti],
    batch: [{ ...siti, ...shorter, ...later, nik: null, birthDate: null }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 4,
    says: 'the NIK belongs to another known person',
    known: [siti, rudi],
    batch: [{ ...siti, ...later, nik: rudi.nik ?? null }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 4,
    says: 'a deactivation without a NIK does not match a person if another row of the STR and person has another NIK',
    known: [siti],
    batch: [
      { ...rudi, ...later, strNumber: siti.strNumber as string, birthDate: null },
      { ...rudi, ...last, strNumber: siti.strNumber as string, nik: null, status: 'revoked', sourceStatus: 'DICABUT' }
    ],
    becomes: [['superseded 1', 'new'], ['IDENTITY_CONFLICT']]
  },
  {
    rule: 4,
    says: 'a NIK that the batch would give to two people goes to the first of them',
    known: [
      { ...siti, nik: null },
      { ...rudi, nik: null }
    ],
    batch: [
      { ...rudi, ...last, nik: otherNik },
      { ...siti, ...later, nik: otherNik }
    ],
    becomes: [['IDENTITY_CONFLICT'], ['updated 3', 0]]
  },
  {
    rule: 2,
    says: 'rows of one STR with two NIKs match nobody, not even a known person without a NIK',
    known: [{ ...siti, nik: null }],
    batch: [
      { ...siti, ...last, nik: otherNik },
      { ...siti, ...later, profession: 'dentist' }
    ],
    becomes: [['STR_AMBIGUOUS'], ['STR_AMBIGUOUS']]
  },
  {
    rule: 5,
    says: 'an STR of several people: NIK, name and birthplace of one of them',
    known: [siti, rudi],
    decided: [{ row: { ...rudi, strNumber: siti.strNumber as string, profession: 'dentist' }, to: 1 }],
    batch: [
      { ...rudi, ...later, strNumber: siti.strNumber as string, profession: 'dentist' },
      { ...siti, ...later }
    ],
    becomes: [
      ['linked 0', 1],
      ['updated 5', 0]
    ]
  },
  {
    rule: 5,
    says: 'without the birthplace it stays ambiguous',
    known: [siti, rudi],
    batch: [
      { ...siti, ...later, birthPlace: null, birthPlaceKey: null },
      { ...rudi, ...later, strNumber: siti.strNumber as string }
    ],
    becomes: [['STR_AMBIGUOUS'], ['STR_AMBIGUOUS']]
  },
  {
    rule: 5,
    says: 'names that are compatible alone do not settle it',
    known: [siti, rudi],
    batch: [
      { ...siti, ...shorter, ...later },
      { ...rudi, ...later, strNumber: siti.strNumber as string, nik: null }
    ],
    becomes: [['STR_AMBIGUOUS'], ['STR_AMBIGUOUS']]
  },
  {
    rule: 6,
    says: 'new STR, known NIK, name keys agree, and the birth date nearly agrees',
    known: [siti],
    batch: [{ ...siti, ...newStr, ...later, birthDate: '1991-01-01' }],
    becomes: [['linked 6', 0]]
  },
  {
    rule: 6,
    says: 'new STR, known NIK, a name in part, and the birthplace instead of the birth date',
    known: [siti],
    batch: [{ ...siti, ...newStr, ...shorter, ...later, birthDate: null }],
    becomes: [['linked 6', 0]]
  },
  {
    rule: 7,
    says: 'compatible names are not enough if the birth date differs',
    known: [siti],
    batch: [{ ...siti, ...newStr, ...shorter, ...later, birthDate: '1991-01-01' }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 7,
    says: 'the birth date alone is not enough: a sibling’s NIK agrees with it',
    known: [siti],
    batch: [{ ...siti, ...newStr, ...renamed, ...later }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 6,
    says: 'a NIK that the batch gives to a known person counts for its other rows as well',
    known: [{ ...siti, nik: null }],
    batch: [
      { ...siti, ...later },
      { ...siti, ...newStr, ...last }
    ],
    becomes: [
      ['updated 3', 0],
      ['linked 6', 0]
    ]
  },
  {
    rule: 7,
    says: 'a NIK that the batch gives to a known person matches no other person in its other rows',
    known: [{ ...siti, nik: null }],
    batch: [
      { ...siti, ...later },
      { ...rudi, ...last, nik: siti.nik ?? null }
    ],
    becomes: [['updated 3', 0], ['IDENTITY_CONFLICT']]
  },
  {
    rule: 8,
    says: 'no NIK on the row, and name, birth date and birthplace of a known person',
    known: [siti],
    batch: [{ ...siti, ...newStr, nik: null }],
    becomes: [['POSSIBLE_DUPLICATE']]
  },
  {
    rule: 8,
    says: 'no NIK in the registry, and name, birth date and birthplace of a known person',
    known: [{ ...siti, nik: null }],
    batch: [{ ...siti, ...newStr }],
    becomes: [['POSSIBLE_DUPLICATE']]
  },
  {
    rule: 8,
    says: 'a person whose birth date comes from another row of the batch',
    known: [{ ...siti, birthDate: null }],
    batch: [
      { ...siti, ...newStr, nik: null },
      { ...siti, ...later }
    ],
    becomes: [['POSSIBLE_DUPLICATE'], ['updated 3', 0]]
  },
  {
    rule: 8,
    says: 'a person that two rows of a new person describe only together',
    known: [{ ...siti, nik: null }],
    batch: [
      { ...siti, ...newStr, nik: null },
      { ...siti, ...newStr, ...later, nik: null, birthDate: null }
    ],
    becomes: [['superseded 1', 'new'], ['POSSIBLE_DUPLICATE']]
  },
  {
    rule: 8,
    says: 'the same within one batch: the oldest creates, the other waits',
    batch: [
      { ...siti, nik: null },
      { ...siti, ...newStr, ...later, nik: null }
    ],
    becomes: [['created 9', 'new'], ['POSSIBLE_DUPLICATE']]
  },
  {
    rule: 8,
    says: 'without a NIK a missing birthplace and a near birth date still mean a possible duplicate',
    known: [siti],
    batch: [
      { ...siti, ...newStr, nik: null, birthPlace: null, birthPlaceKey: null },
      { ...siti, strNumber: 'EQ00000000009004', nik: null, birthDate: '1990-01-02' },
      { ...siti, strNumber: 'EQ00000000009005', nik: null, birthDate: '1985-07-09' }
    ],
    becomes: [['POSSIBLE_DUPLICATE'], ['POSSIBLE_DUPLICATE'], ['created 9', 'new']]
  },
  {
    rule: 8,
    says: 'different NIKs separate people of one name and birth date only if the birthplace differs',
    known: [siti],
    batch: [
      { ...siti, ...newStr, nik: otherNik },
      { ...siti, strNumber: 'EQ00000000009004', nik: '3171014101900099', birthPlace: 'Medan', birthPlaceKey: 'MEDAN' },
      { ...siti, strNumber: 'EQ00000000009005', nik: '3171014101900098', birthDate: null }
    ],
    becomes: [['POSSIBLE_DUPLICATE'], ['created 9', 'new'], ['created 9', 'new']]
  },
  {
    rule: 9,
    says: 'a row that matches nobody creates a person',
    known: [siti],
    batch: [rudi],
    becomes: [['created 9', 'new']]
  },
  {
    rule: 9,
    says: 'or waits if reviewers decide about new people',
    known: [siti],
    createUnmatched: 'review',
    batch: [rudi, { ...siti, ...newStr, ...later }],
    becomes: [['UNMATCHED'], ['linked 6', 0]]
  },
  {
    rule: 9,
    says: 'of rows with one NIK the oldest creates the person, and rules 6 and 7 decide about the others',
    batch: [{ ...siti, ...newStr, ...later }, siti, { ...siti, ...renamed, ...last, strNumber: 'EQ00000000009004' }],
    becomes: [['linked 6', 'new'], ['created 9', 'new'], ['IDENTITY_CONFLICT']]
  },
  {
    rule: 9,
    says: 'a licence that is not active creates nobody',
    batch: [{ ...siti, status: 'revoked', sourceStatus: 'DICABUT' }],
    becomes: [['STR_INACTIVE']]
  }
]

// Minimal pairs: one step further and the answer is another.
const yusuf: Row = {
  strNumber: 'EQ00000000009101',
  nik: '3273010203580001',
  name: 'Muhammad Yusuf',
  nameKey: 'MUHAMMAD YUSUF',
  birthDate: '1958-03-02',
  birthPlace: 'Bandung',
  birthPlaceKey: 'BANDUNG'
}
const nurhayati: Row = {
  strNumber: 'EQ00000000009102',
  nik: '3273014203880002',
  name: 'Nurhayati',
  nameKey: 'NURHAYATI',
  birthDate: '1988-03-02',
  birthPlace: 'Bandung',
  birthPlaceKey: 'BANDUNG',
  sex: 'female'
}
const sukarno: Row = { ...yusuf, strNumber: 'EQ00000000009103', name: 'Sukarno', nameKey: 'SUKARNO' }
const desi: Row = { ...nurhayati, strNumber: 'EQ00000000009104', name: 'Desi Wulandari', nameKey: 'DESI WULANDARI' }
const noNik = { nik: null }
const noDate = { birthDate: null }
const inSorong = { birthPlace: 'Sorong', birthPlaceKey: 'SORONG' }
const kasinem: Row = {
  nik: null,
  name: 'Kasinem',
  nameKey: 'KASINEM',
  birthDate: '1961-09-17',
  birthPlace: 'Klaten',
  birthPlaceKey: 'KLATEN',
  sex: 'female',
  status: 'deceased',
  sourceStatus: 'MENINGGAL'
}
const dead: Row = { status: 'deceased', sourceStatus: 'MENINGGAL' }
const budi: Row = {
  ...yusuf,
  strNumber: 'EQ00000000009105',
  name: 'Budi Santoso',
  nameKey: 'BUDI SANTOSO',
  birthDate: '1988-03-02'
}

lines.push(
  {
    rule: 7,
    says: 'a NIK and an equal name are not enough if year and day of birth differ (W1)',
    known: [yusuf],
    batch: [{ ...yusuf, ...newStr, ...later, birthDate: '1988-11-23' }],
    becomes: [['IDENTITY_CONFLICT']],
    because: ['7 +nik +name -birth_date +birth_place']
  },
  {
    rule: 6,
    says: 'a NIK and an equal name are enough if one digit of the birth date differs (W1)',
    known: [yusuf],
    batch: [{ ...yusuf, ...newStr, ...later, birthDate: '1988-03-02' }],
    becomes: [['linked 6', 0]],
    because: ['6 +nik +name ~birth_date +birth_place']
  },
  {
    rule: 5,
    says: 'different year and day of birth also contradict under a shared STR (W1)',
    known: [yusuf],
    batch: [
      { ...yusuf, ...later, birthDate: '1988-11-23' },
      { ...rudi, ...later, strNumber: yusuf.strNumber as string }
    ],
    becomes: [['STR_AMBIGUOUS'], ['STR_AMBIGUOUS']]
  },
  {
    rule: 7,
    says: 'a name in part needs the birth date or the birthplace (W2)',
    known: [{ ...siti, ...shorter }],
    batch: [{ ...siti, ...newStr, ...later, ...noDate, birthPlace: 'Jember', birthPlaceKey: 'JEMBER' }],
    becomes: [['IDENTITY_CONFLICT']],
    because: ['7 +nik ~name -birth_place']
  },
  {
    rule: 6,
    says: 'a name in part is enough with the birth date, whatever the birthplace (W2)',
    known: [{ ...siti, ...shorter }],
    batch: [{ ...siti, ...newStr, ...later, birthPlace: 'Jember', birthPlaceKey: 'JEMBER' }],
    becomes: [['linked 6', 0]]
  },
  {
    rule: 7,
    says: 'another sex contradicts if no birth date agrees',
    known: [nurhayati],
    batch: [{ ...nurhayati, ...newStr, ...later, ...noDate, sex: 'male' }],
    becomes: [['IDENTITY_CONFLICT']],
    because: ['7 +nik +name +birth_place -sex']
  },
  {
    rule: 4,
    says: 'without NIK and birth date an equal name needs the birthplace, and the same sex (W3)',
    known: [nurhayati],
    batch: [{ ...nurhayati, ...later, ...noNik, ...noDate, ...inSorong, sex: 'male' }],
    becomes: [['IDENTITY_CONFLICT']],
    because: ['4 +name -birth_place -sex']
  },
  {
    rule: 4,
    says: 'another sex alone contradicts without NIK and birth date (W3)',
    known: [nurhayati],
    batch: [{ ...nurhayati, ...later, ...noNik, ...noDate, sex: 'male' }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 3,
    says: 'an equal name and the birthplace are enough if nothing contradicts (W3)',
    known: [nurhayati],
    batch: [{ ...nurhayati, ...later, ...noNik, ...noDate }],
    becomes: [['updated 3', 0]]
  },
  {
    rule: 4,
    says: 'a name alone does not give the person the NIK of the row (W3b)',
    known: [{ ...nurhayati, ...noNik, ...noDate }],
    batch: [{ ...nurhayati, ...later, ...noDate, ...inSorong }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 3,
    says: 'an equal name and birth date give the person the NIK of the row (W3b)',
    known: [{ ...nurhayati, ...noNik }],
    batch: [{ ...nurhayati, ...later, ...inSorong }],
    becomes: [['updated 3', 0]]
  },
  {
    rule: 4,
    says: 'a deactivation without a NIK that contradicts the holder is urgent and not applied (W5)',
    known: [budi],
    batch: [{ ...kasinem, ...later, strNumber: budi.strNumber as string }],
    becomes: [['IDENTITY_CONFLICT']],
    because: ['4 -name -birth_date -birth_place -sex'],
    urgent: [0]
  },
  {
    rule: 5,
    says: 'it is urgent in one batch with the licence too, and the licence is created (W5)',
    batch: [budi, { ...kasinem, ...later, strNumber: budi.strNumber as string }],
    becomes: [['created 9', 'new'], ['STR_AMBIGUOUS']],
    urgent: [1]
  },
  {
    rule: 3,
    says: 'a deactivation without a NIK needs the birth date (W5)',
    known: [budi],
    batch: [{ ...budi, ...later, ...noNik, ...dead, ...renamed }],
    becomes: [['updated 3', 0]]
  },
  {
    rule: 3,
    says: 'or the name with the birthplace (W5)',
    known: [budi],
    batch: [{ ...budi, ...later, ...noNik, ...noDate, ...dead }],
    becomes: [['updated 3', 0]]
  },
  {
    rule: 4,
    says: 'the name alone does not deactivate (W5)',
    known: [budi],
    batch: [{ ...budi, ...later, ...noNik, ...noDate, ...dead, birthPlace: null, birthPlaceKey: null }],
    becomes: [['IDENTITY_CONFLICT']],
    urgent: [0]
  },
  {
    rule: 3,
    says: 'under the same STR, NIK and birth date a different name waits for review, and a similar one does not (W7)',
    known: [siti, sukarno],
    batch: [
      { ...siti, ...renamed, ...later },
      { ...sukarno, ...later, name: 'Soekarno', nameKey: 'SOEKARNO' }
    ],
    becomes: [
      ['updated 3 NAME_DIFFERS', 0],
      ['updated 3', 1]
    ],
    because: ['3 +nik -name +birth_date +birth_place', '3 +nik ~name +birth_date +birth_place']
  },
  {
    rule: 8,
    says: 'a NIK with one wrong digit, or a mother’s, is noticed if all other values are equal (S1, S2)',
    known: [yusuf],
    batch: [{ ...yusuf, ...newStr, nik: '3273014107330009' }],
    becomes: [['POSSIBLE_DUPLICATE']],
    because: ['8 -nik +name +birth_date +birth_place']
  },
  {
    rule: 8,
    says: 'without a NIK another spelling, another birthplace or no birth date still means a possible duplicate (S3)',
    known: [sukarno],
    batch: [
      { ...sukarno, ...noNik, ...newStr, name: 'Soekarno', nameKey: 'SOEKARNO' },
      { ...sukarno, ...noNik, strNumber: 'EQ00000000009004', birthPlace: 'Cicendo', birthPlaceKey: 'CICENDO' },
      { ...sukarno, ...noNik, ...noDate, strNumber: 'EQ00000000009005' }
    ],
    becomes: [['POSSIBLE_DUPLICATE'], ['POSSIBLE_DUPLICATE'], ['POSSIBLE_DUPLICATE']],
    because: ['8 ~name +birth_date +birth_place', '8 +name +birth_date -birth_place', '8 +name +birth_place']
  },
  {
    rule: 8,
    says: 'within one batch a similar row waits for the oldest as well (S3)',
    batch: [
      { ...sukarno, ...noNik },
      { ...sukarno, ...newStr, ...later, name: 'Soekarno', nameKey: 'SOEKARNO' }
    ],
    becomes: [['created 9', 'new'], ['POSSIBLE_DUPLICATE']],
    because: ['', '8 ~name +birth_date +birth_place']
  },
  {
    rule: 8,
    says: 'a person who resembles a pending row, but not its candidate, is created',
    batch: [
      { ...sukarno, ...noNik },
      { ...sukarno, ...noNik, ...newStr, ...later, ...noDate },
      { ...sukarno, ...noNik, ...last, strNumber: 'EQ00000000009004', birthDate: '1985-07-09' }
    ],
    becomes: [['created 9', 'new'], ['POSSIBLE_DUPLICATE'], ['created 9', 'new']]
  },
  {
    rule: 6,
    says: 'another spelling is the same name if NIK, birth date and birthplace agree',
    known: [sukarno],
    batch: [{ ...sukarno, ...newStr, ...later, name: 'Soekarno', nameKey: 'SOEKARNO' }],
    becomes: [['linked 6', 0]]
  },
  {
    rule: 7,
    says: 'another spelling is not the same name if the birthplace differs',
    known: [sukarno],
    batch: [{ ...sukarno, ...newStr, ...later, ...inSorong, name: 'Soekarno', nameKey: 'SOEKARNO' }],
    becomes: [['IDENTITY_CONFLICT']],
    because: ['7 +nik ~name +birth_date -birth_place']
  },
  {
    rule: 7,
    says: 'i and y are different letters: Desi and Desy may be twins',
    known: [desi],
    batch: [{ ...desi, ...newStr, ...later, name: 'Desy Wulandari', nameKey: 'DESY WULANDARI' }],
    becomes: [['IDENTITY_CONFLICT']]
  }
)

describe('the matching table', { concurrency: 6 }, () => {
  for (const line of lines) {
    const { rule, says, known = [], decided = [], batch, createUnmatched, becomes } = line
    test(`rule ${rule}: ${says}`, async t => {
      const { database, pool } = await createTestDatabase(t)
      const identity = testIdentity()
      const people: number[] = []
      for (const row of known) {
        await applyRows(database, identity, [candidate(row)])
        const { rows } = await pool.query('select max(id) as id from sdmk.health_worker')
        people.push(rows[0].id)
      }
      for (const { row, to } of decided) {
        const nik = row.nik ? identity.digestNik(row.nik) : null
        const person = to === 'new' ? null : people[to]
        await pool.query(
          `insert into kki.decision (str_number, nik_digest, health_worker_id, decided_by) values ($1, $2, $3, 'verifier')`,
          [row.strNumber, nik, person]
        )
      }
      const { outcomes, batchId } = await applyRows(
        database,
        identity,
        batch.map(row => candidate(row)),
        createUnmatched ? { createUnmatched } : {}
      )
      const found = outcomes.map(({ outcome, rule: by, codes, healthWorkerId }) => {
        if (outcome === 'rejected') return [codes.join()]
        const whose = people.indexOf(healthWorkerId as number)
        return [[outcome, by, ...codes].join(' '), whose < 0 ? 'new' : whose]
      })
      assert.deepEqual(found, becomes)
      if (line.urgent)
        assert.deepEqual(
          outcomes.flatMap(({ urgent }, i) => (urgent ? [i] : [])),
          line.urgent
        )
      if (!line.because) return
      const { rows } = await pool.query<{ reason: string }>(
        `select case when evidence <> '' then concat_ws(' ', rule, evidence) else '' end as reason from kki.plan_row
        where batch_id = $1 order by row_no`,
        [batchId]
      )
      assert.deepEqual(
        rows.map(({ reason }) => reason),
        line.because
      )
    })
  }

  test('has a line for each of its rules', () => {
    assert.deepEqual([...new Set(lines.map(({ rule }) => rule))].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})
