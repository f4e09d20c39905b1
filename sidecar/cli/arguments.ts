import { RequestInvalid } from '../errors.ts'
import { isPortable } from '../platform/portable-text.ts'

/** Accepts arguments that PostgreSQL and Odoo can store, since some are stored and sent to Odoo. @throws RequestInvalid */
export function checkArguments(given: readonly string[]): void {
  const place = given.findIndex(argument => !isPortable(argument))
  if (place < 0) return
  const option = [given[place], given[place - 1]].map(text => /^--?[a-z][a-z-]*/.exec(text ?? '')?.[0]).find(Boolean)
  throw new RequestInvalid(
    option ?? `argument ${place + 1}`,
    'must not contain control characters, lone surrogates or Unicode noncharacters'
  )
}
