import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scheduleFault } from '../../sidecar/sync/schedule-fault.ts'
import { scheduleInWords } from '../../sidecar/sync/schedule-words.ts'

const sentences: [string, string, string][] = [
  ['0 2 * * *', 'Every day at 02:00', 'Setiap hari pukul 02.00'],
  ['@daily', 'Every day at 00:00', 'Setiap hari pukul 00.00'],
  ['0 2,14 * * *', 'Every day at 02:00 and 14:00', 'Setiap hari pukul 02.00 dan 14.00'],
  ['* * * * *', 'Every minute', 'Setiap menit'],
  ['*/5 * * * *', 'Every 5 minutes', 'Setiap 5 menit'],
  ['15 * * * *', 'Every hour at minute 15', 'Setiap jam pada menit ke-15'],
  ['0 */4 * * *', 'Every 4 hours from 00:00', 'Setiap 4 jam mulai pukul 00.00'],
  ['0 2 * * 7', 'On Sunday at 02:00', 'Setiap hari Minggu pukul 02.00'],
  [
    '0 8-16 * * 1-5',
    'From Monday to Friday every hour from 08:00 to 16:00',
    'Pada hari Senin sampai Jumat setiap jam dari pukul 08.00 sampai pukul 16.00'
  ],
  [
    '*/15 8-17 * * 1-5',
    'From Monday to Friday every 15 minutes from 08:00 to 17:45',
    'Pada hari Senin sampai Jumat setiap 15 menit dari pukul 08.00 sampai pukul 17.45'
  ],
  ['0 0 1,15 * *', 'On day 1 and 15 of the month at 00:00', 'Setiap tanggal 1 dan 15 pukul 00.00'],
  ['0 3 L * *', 'On the last day of the month at 03:00', 'Pada tanggal terakhir setiap bulan pukul 03.00'],
  ['0 3 * * 5L', 'On the last Friday of the month at 03:00', 'Pada hari Jumat terakhir setiap bulan pukul 03.00'],
  ['0 2 * * 1#2', 'On the second Monday of the month at 02:00', 'Pada hari Senin ke-2 setiap bulan pukul 02.00'],
  [
    '0 2 1 * 1',
    'On day 1 of the month and also on Monday at 02:00',
    'Setiap tanggal 1 dan juga setiap hari Senin pukul 02.00'
  ],
  [
    '0 2 * JAN,JUL *',
    'Every day at 02:00, in January and July',
    'Setiap hari pukul 02.00, pada bulan Januari dan Juli'
  ],
  [
    '10,40 6,9,12,15 * * *',
    'Every day 8 times a day, first at 06:10 and last at 15:40',
    'Setiap hari 8 kali sehari, pertama pukul 06.10 dan terakhir pukul 15.40'
  ]
]

for (const [schedule, en, id] of sentences) {
  test(`“${schedule}” is said in words`, () => {
    assert.equal(scheduleInWords(schedule, 'en'), en)
    assert.equal(scheduleInWords(schedule, 'id'), id)
  })
}

test('the wrong part of a schedule is named, with its permitted values', () => {
  const wrong: [string, RegExp, RegExp][] = [
    ['61 * * * *', /^The minute “61” .* 0 to 59/, /^Bagian menit “61” .* 0 sampai 59/],
    ['0 25 * * *', /^The hour “25” .* 0 to 23/, /^Bagian jam “25”/],
    ['0 2 32 * *', /^The day of the month “32” .* 1 to 31/, /^Bagian tanggal “32”/],
    ['0 2 * 13 *', /^The month “13” .* 1 to 12/, /^Bagian bulan “13”/],
    ['0 2 * * 8', /^The day of the week “8” .* 0 to 7/, /^Bagian hari “8”/],
    ['*/10 * * * * *', /^A schedule has no seconds: .* six parts/, /^Jadwal tidak memuat detik: .* enam bagian/],
    ['0 0 2 * * *', /^A schedule has no seconds/, /^Jadwal tidak memuat detik/],
    ['every day', /has five parts.*has 2\./, /lima bagian.*2 bagian\./],
    ['0 2 30 2 *', /never comes due/, /tidak pernah jatuh tempo/],
    ['a b c d e', /cannot be read/, /tidak terbaca/]
  ]
  for (const [schedule, en, id] of wrong) {
    const fault = scheduleFault(schedule)
    assert.match(fault?.en ?? '', en)
    assert.match(fault?.id ?? '', id)
  }
  for (const [schedule] of sentences) assert.equal(scheduleFault(schedule), null)
})
