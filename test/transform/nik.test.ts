import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { WarningCode } from '../../sidecar/transform/codes.ts'
import { nikFault, warnAboutNik } from '../../sidecar/transform/nik.ts'
import type { Sex } from '../../sidecar/transform/types.ts'

const birthDate = fc.date({ min: new Date('1930-01-01'), max: new Date('2008-12-31'), noInvalidDate: true })

test('a NIK made by the rules has no fault and agrees with its person', () => {
  const sex = fc.constantFrom<Sex>('male', 'female')
  fc.assert(
    fc.property(birthDate, sex, fc.integer({ min: 1, max: 9999 }), (date, sexOfPerson, serial) => {
      const day = date.toISOString().slice(0, 10)
      const [year = '', month = '', number = ''] = day.split('-')
      const dayCode = String(Number(number) + (sexOfPerson === 'female' ? 40 : 0)).padStart(2, '0')
      const nik = `317101${dayCode}${month}${year.slice(2)}${String(serial).padStart(4, '0')}`
      const warnings: WarningCode[] = []
      warnAboutNik(nik, day, sexOfPerson, warnings)
      assert.deepEqual([nikFault(nik), warnings], [null, []])
    })
  )
})

test('an impossible NIK has a reason', () => {
  const faults = {
    '': 'length',
    '317101170885000O': 'length',
    '3,27E+15': 'rounded',
    '3.27301570885e15': 'rounded',
    '7777777777777777': 'placeholder',
    '1234567890123456': 'placeholder',
    '3171011700850001': 'month',
    '3171011713850001': 'month',
    '3171010008850001': 'day',
    '3171013208850001': 'day',
    '3171014008850001': 'day',
    '3171017208850001': 'day',
    '3171013104850001': 'date',
    '3171016902850001': 'date'
  }
  for (const [nik, fault] of Object.entries(faults)) assert.equal(nikFault(nik), fault, nik)
  assert.equal(nikFault('3171012902000001'), null)
})

test('missing values of the record do not differ', () => {
  const warnings: WarningCode[] = []
  warnAboutNik('3171011708850001', null, null, warnings)
  assert.deepEqual(warnings, [])
})
