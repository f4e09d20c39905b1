import { existsSync } from 'node:fs'
import { RequestInvalid } from '../errors.ts'

const main = new URL('../../simulator/simulator.ts', import.meta.url)

/**
 * Loads the simulator. The production image and an installation with `npm ci --omit=dev` do not contain it.
 * @throws RequestInvalid if it is not installed
 */
export async function loadSimulator() {
  requireSimulator()
  return import('../../simulator/simulator.ts')
}

/** Loads the people of the demo before its first run. @throws RequestInvalid if the simulator is not installed */
export async function loadOwnPeople() {
  requireSimulator()
  return import('../../simulator/own-people.ts')
}

/** @throws RequestInvalid if the simulator is not installed */
export function requireSimulator(): void {
  if (existsSync(main) && isInstalled('oidc-provider')) return
  const how = 'use a checkout after "npm ci", or build the image with "--target simulator"'
  throw new RequestInvalid('simulator', `is not part of this production installation; ${how}`)
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}
