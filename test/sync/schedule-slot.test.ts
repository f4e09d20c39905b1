import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSchedule, lastSlot, nextSlot } from '../../sidecar/sync/schedule-slot.ts'

const jakarta = 'Asia/Jakarta'

test('a slot is a minute of the schedule in the given time zone', () => {
  const now = new Date('2026-03-01T20:00:00Z')
  assert.equal(lastSlot('0 2 * * *', jakarta, now).toISOString(), '2026-03-01T19:00:00.000Z')
  assert.equal(nextSlot('0 2 * * *', jakarta, now).toISOString(), '2026-03-02T19:00:00.000Z')
})

test('a slot is due in its own minute', () => {
  const now = new Date('2026-03-01T19:00:00.000Z')
  assert.equal(lastSlot('0 2 * * *', jakarta, now).toISOString(), now.toISOString())
})

test('invalid cron expressions are recognised', () => {
  assert.equal(isSchedule('*/15 * * * *'), true)
  assert.equal(isSchedule('every day'), false)
  assert.equal(isSchedule('61 * * * *'), false)
  // With missing fields filled up it would be every minute of each Friday.
  assert.equal(isSchedule('5'), false)
  assert.equal(isSchedule(''), false)
  // A schedule has no seconds, because runs start to the minute.
  assert.equal(isSchedule('0 0 2 * * *'), false)
  assert.equal(isSchedule('@secondly'), false)
  assert.equal(isSchedule('@daily'), true)
  // Days that do not come.
  assert.equal(isSchedule('0 0 30 2 *'), false)
  // Another time at every look.
  assert.equal(isSchedule('H 2 * * *'), false)
  assert.equal(isSchedule('0 2 * MAR THU'), true)
})
