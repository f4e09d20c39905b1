import { RequestInvalid } from '../errors.ts'
import { isPortable } from '../platform/portable-text.ts'

/** Returns nothing if every receiver can carry each argument: some are stored and go to Odoo. @throws RequestInvalid */
export function checkArguments(given: readonly string[]): void {
  const place = given.findIndex(argument => !isPortable(argument))
  if (place < 0) return
  const option = [given[place], given[place - 1]].map(text => /^--?[a-z][a-z-]*/.exec(text ?? '')?.[0]).find(Boolean)
  throw new RequestInvalid(
    option ?? `argument ${place + 1}`,
    'must not hold control characters, half characters or Unicode noncharacters'
  )
}
