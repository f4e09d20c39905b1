import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { applyRows, candidate, testIdentity } from './helpers.ts'

type Row = Partial<Candidate>

interface Line {
  rule: number
  says: string
  /** Rows that are applied before, one batch each, and whom decisions name by their place among them. */
  known?: Row[]
  decided?: { row: Row; to: number | 'new' }[]
  batch: Row[]
  createUnmatched?: 'desk'
  /** Per row of the batch: outcome and rule or code, and whose it is: the place of a known row, or `new`. */
  becomes: [string, (number | 'new')?][]
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
    says: 'a standing decision for this STR and NIK holds, whatever differs',
    known: [siti],
    decided: [{ row: { ...siti, nik: otherNik }, to: 0 }],
    batch: [{ ...siti, ...renamed, ...later, nik: otherNik, birthDate: null }],
    becomes: [['updated 0', 0]]
  },
  {
    rule: 0,
    says: 'a decision for another NIK says nothing about this one',
    known: [siti],
    decided: [{ row: { ...siti, nik: '3171014101900099' }, to: 0 }],
    batch: [{ ...siti, ...later, nik: otherNik }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 0,
    says: 'a decision for somebody new creates one',
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
    says: 'a NIK that is missing on one of them does not part them where name keys agree',
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
    says: 'rows of one STR with two NIKs are nobody’s',
    batch: [siti, { ...siti, ...later, nik: otherNik }],
    becomes: [['STR_AMBIGUOUS'], ['STR_AMBIGUOUS']]
  },
  {
    rule: 2,
    says: 'rows of one STR whose names differ and of which one has no NIK are nobody’s',
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
    says: 'same NIK and birth date under another name',
    known: [siti],
    batch: [{ ...siti, ...renamed, ...later }],
    becomes: [['updated 3', 0]]
  },
  {
    rule: 3,
    says: 'no NIK on the row, name keys agree, and no birth date to differ',
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
    says: 'no NIK, name keys agree, but the birth date differs',
    known: [siti],
    batch: [{ ...siti, ...later, nik: null, birthDate: '1991-01-01' }],
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
    says: 'the NIK is that of somebody else who is known',
    known: [siti, rudi],
    batch: [{ ...siti, ...later, nik: rudi.nik ?? null }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 4,
    says: 'an ending without a NIK is not theirs where another row of its STR and person carries another NIK',
    known: [siti],
    batch: [
      { ...rudi, ...later, strNumber: siti.strNumber as string, birthDate: null },
      { ...rudi, ...last, strNumber: siti.strNumber as string, nik: null, status: 'revoked', sourceStatus: 'DICABUT' }
    ],
    becomes: [['superseded 1', 'new'], ['IDENTITY_CONFLICT']]
  },
  {
    rule: 4,
    says: 'a NIK that the batch would give to two people goes to whom it was said of first',
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
    says: 'rows of one STR with two NIKs are nobody’s, even of somebody known without one',
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
    says: 'new STR, known NIK, name keys agree, whatever the birth date',
    known: [siti],
    batch: [{ ...siti, ...newStr, ...later, birthDate: '1991-01-01' }],
    becomes: [['linked 6', 0]]
  },
  {
    rule: 6,
    says: 'new STR, known NIK, compatible names, and no birth date to differ',
    known: [siti],
    batch: [{ ...siti, ...newStr, ...shorter, ...later, birthDate: null }],
    becomes: [['linked 6', 0]]
  },
  {
    rule: 7,
    says: 'compatible names do not do where the birth date differs',
    known: [siti],
    batch: [{ ...siti, ...newStr, ...shorter, ...later, birthDate: '1991-01-01' }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 7,
    says: 'the birth date alone does not do: a sibling’s NIK agrees on it',
    known: [siti],
    batch: [{ ...siti, ...newStr, ...renamed, ...later }],
    becomes: [['IDENTITY_CONFLICT']]
  },
  {
    rule: 6,
    says: 'a NIK that the batch gives to somebody known is theirs for its other rows as well',
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
    says: 'a NIK that the batch gives to somebody known is not another’s in its other rows',
    known: [{ ...siti, nik: null }],
    batch: [
      { ...siti, ...later },
      { ...rudi, ...last, nik: siti.nik ?? null }
    ],
    becomes: [['updated 3', 0], ['IDENTITY_CONFLICT']]
  },
  {
    rule: 8,
    says: 'no NIK on the row, and name, birth date and birthplace of somebody',
    known: [siti],
    batch: [{ ...siti, ...newStr, nik: null }],
    becomes: [['POSSIBLE_DUPLICATE']]
  },
  {
    rule: 8,
    says: 'no NIK in the registry, and name, birth date and birthplace of somebody',
    known: [{ ...siti, nik: null }],
    batch: [{ ...siti, ...newStr }],
    becomes: [['POSSIBLE_DUPLICATE']]
  },
  {
    rule: 8,
    says: 'somebody whose birth date another row of the batch tells',
    known: [{ ...siti, birthDate: null }],
    batch: [
      { ...siti, ...newStr, nik: null },
      { ...siti, ...later }
    ],
    becomes: [['POSSIBLE_DUPLICATE'], ['updated 3', 0]]
  },
  {
    rule: 8,
    says: 'somebody whom two rows of a newcomer describe only together',
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
    says: 'a birthplace that is missing, or another date, makes no look-alike',
    known: [siti],
    batch: [
      { ...siti, ...newStr, nik: null, birthPlace: null, birthPlaceKey: null },
      { ...siti, strNumber: 'EQ00000000009004', nik: null, birthDate: '1990-01-02' }
    ],
    becomes: [
      ['created 9', 'new'],
      ['created 9', 'new']
    ]
  },
  {
    rule: 8,
    says: 'two NIKs that differ are two people, even of one name, date and place',
    known: [siti],
    batch: [{ ...siti, ...newStr, nik: otherNik }],
    becomes: [['created 9', 'new']]
  },
  {
    rule: 9,
    says: 'who fits nobody is created',
    known: [siti],
    batch: [rudi],
    becomes: [['created 9', 'new']]
  },
  {
    rule: 9,
    says: 'or waits, where people are to decide about newcomers',
    known: [siti],
    createUnmatched: 'desk',
    batch: [rudi, { ...siti, ...newStr, ...later }],
    becomes: [['UNMATCHED'], ['linked 6', 0]]
  },
  {
    rule: 9,
    says: 'of rows that share a NIK the oldest creates, the others are judged by rules 6 and 7',
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

describe('the matching table', { concurrency: true }, () => {
  for (const { rule, says, known = [], decided = [], batch, createUnmatched, becomes } of lines) {
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
      const { outcomes } = await applyRows(
        database,
        identity,
        batch.map(row => candidate(row)),
        createUnmatched ? { createUnmatched } : {}
      )
      const found = outcomes.map(({ outcome, rule: by, codes, healthWorkerId }) => {
        if (outcome === 'rejected') return [codes.join()]
        const whose = people.indexOf(healthWorkerId as number)
        return [`${outcome} ${by}`, whose < 0 ? 'new' : whose]
      })
      assert.deepEqual(found, becomes)
    })
  }

  test('has a line for each of its rules', () => {
    assert.deepEqual([...new Set(lines.map(({ rule }) => rule))].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})
