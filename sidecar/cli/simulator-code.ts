import { existsSync } from 'node:fs'
import { RequestInvalid } from '../errors.ts'

const main = new URL('../../simulator/simulator.ts', import.meta.url)

/**
 * Loads the simulator. The production image and an installation with `npm ci --omit=dev` are without it.
 * @throws RequestInvalid, which says so
 */
export async function loadSimulator() {
  requireSimulator()
  return import('../../simulator/simulator.ts')
}

/** Loads the people that the demo has before its first run. @throws RequestInvalid where the simulator is not installed */
export async function loadOwnPeople() {
  requireSimulator()
  return import('../../simulator/own-people.ts')
}

/** @throws RequestInvalid where the simulator is not installed */
export function requireSimulator(): void {
  if (existsSync(main) && isInstalled('oidc-provider')) return
  const how = 'use a checkout after "npm ci", or build the image with "--target simulator"'
  throw new RequestInvalid('simulator', `is no part of this installation, which is made for production; ${how}`)
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}
