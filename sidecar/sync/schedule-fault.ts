import type { Language } from '../platform/problem-texts.ts'
import { isSchedule } from './schedule-slot.ts'

/** Explains the fault of a schedule to the person who wrote it; null if the schedule is valid. */
export function scheduleFault(schedule: string): Record<Language, string> | null {
  if (isSchedule(schedule)) return null
  const example = { en: '“0 2 * * *” is every day at 02:00', id: '“0 2 * * *” berarti setiap hari pukul 02.00' }
  const fields = schedule.trim().split(/\s+/)
  if (fields.length === 6) {
    return {
      en: `A schedule has no seconds: “${schedule}” has six parts, and only the last five are needed. For example, ${example.en}.`,
      id: `Jadwal tidak memuat detik: “${schedule}” terdiri atas enam bagian, padahal cukup lima bagian terakhir. Contoh: ${example.id}.`
    }
  }
  if (fields.length !== 5) {
    return {
      en: `A schedule has five parts: minute, hour, day of the month, month, day of the week. “${schedule}” has ${fields.length}. For example, ${example.en}.`,
      id: `Jadwal terdiri atas lima bagian: menit, jam, tanggal, bulan, hari. “${schedule}” terdiri atas ${fields.length} bagian. Contoh: ${example.id}.`
    }
  }
  const wrong = fields.findIndex((_, at) => isSchedule(fields.with(at, '*').join(' ')))
  const part = parts[wrong]
  if (part === undefined || isPossible(fields, wrong)) {
    return {
      en: `“${schedule}” never comes due, or several of its parts cannot be read. For example, ${example.en}.`,
      id: `“${schedule}” tidak pernah jatuh tempo, atau beberapa bagiannya tidak terbaca. Contoh: ${example.id}.`
    }
  }
  return {
    en: `The ${part.en} “${fields[wrong]}” cannot be read: it is a number from ${part.range.join(' to ')}, a list such as ${part.example}, or *. For example, ${example.en}.`,
    id: `Bagian ${part.id} “${fields[wrong]}” tidak terbaca: isi angka ${part.range.join(' sampai ')}, daftar seperti ${part.example}, atau *. Contoh: ${example.id}.`
  }
}

const parts = [
  { en: 'minute', id: 'menit', range: [0, 59], example: '0,30' },
  { en: 'hour', id: 'jam', range: [0, 23], example: '2,14' },
  { en: 'day of the month', id: 'tanggal', range: [1, 31], example: '1,15' },
  { en: 'month', id: 'bulan', range: [1, 12], example: '1,7' },
  { en: 'day of the week', id: 'hari', range: [0, 7], example: '1,4' }
]

/** True if the part is valid alone. In a schedule for 30 February all parts are valid, but not together. */
function isPossible(fields: readonly string[], at: number): boolean {
  return isSchedule(fields.map((field, other) => (other === at ? field : '*')).join(' '))
}
