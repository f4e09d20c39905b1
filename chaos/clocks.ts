import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { shiftedClock } from '../tools/faketime/install.ts'

/** Sets how many seconds a clock is ahead of the right time; 0 corrects it. */
type Shift = (seconds: number) => Promise<void>

/** The clocks of a lane. */
export interface Clocks {
  ours: Shift
  database: Shift
  kki: Shift
}

/** A clock that is the real one until it is shifted. */
export interface ShiftableClock {
  /** Of the processes that have this clock. */
  env: Record<string, string>
  shift: Shift
}

/** @throws PackagesUnavailable */
export async function createClock(folder: string, name: string): Promise<ShiftableClock> {
  const file = path.join(folder, `${name}.clock`)
  const shift = (seconds: number) => writeFile(file, `${seconds < 0 ? '' : '+'}${seconds}\n`, { mode: 0o644 })
  await shift(0)
  return { env: await shiftedClock(file), shift }
}

/** Returns a shift of the clock of a simulated KKI. */
export function clockOfKki(url: string): Shift {
  return async seconds => {
    const body = JSON.stringify({ kind: 'date', aheadSeconds: seconds, times: 0, on: 'any' })
    const answer = await (seconds === 0
      ? fetch(`${url}/_faults`, { method: 'DELETE' })
      : fetch(`${url}/_faults`, { method: 'POST', headers: { 'content-type': 'application/json' }, body }))
    await answer.arrayBuffer()
    if (!answer.ok) throw new Error(`the simulator denied the clock (${answer.status})`)
  }
}
