import { ConfigurationError, SdmkError } from '../errors.ts'
import { summarizeError } from '../platform/describe-error.ts'

/** What one check of an installation found. */
export interface Finding {
  check: string
  state: 'ok' | 'warning' | 'failed' | 'skipped'
  found: string
  /** What to do about it; null where nothing is to be done. */
  fix: string | null
}

/** What a check found when it came to its end. Text alone means that all is well. */
export type Outcome = string | Omit<Finding, 'check'>

export const warning = (found: string, fix: string): Outcome => ({ state: 'warning', found, fix })
export const failure = (found: string, fix: string): Outcome => ({ state: 'failed', found, fix })
export const skipped = (found: string): Outcome => ({ state: 'skipped', found, fix: null })

/** Returns what the check found; an error that it throws is a failure with this fix, unless the error names its own. */
export async function examine(check: string, fix: string, work: () => Promise<Outcome>): Promise<Finding> {
  try {
    const outcome = await work()
    return { check, ...(typeof outcome === 'string' ? { state: 'ok', found: outcome, fix: null } : outcome) }
  } catch (error) {
    // Messages of our own errors name nobody; another library's may quote what it was given.
    const isOurs = error instanceof SdmkError
    const found = isOurs ? error.message : `ended with an unexpected error: ${summarizeError(error)}`
    return { check, state: 'failed', found, fix: error instanceof ConfigurationError ? 'Correct this setting.' : fix }
  }
}
