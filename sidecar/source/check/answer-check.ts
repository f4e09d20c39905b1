import { type ConfiguredSource, checkConfigured } from './check-configured.ts'
import { tellFindings } from './tell.ts'
import { english } from './words-en.ts'
import { indonesian } from './words-id.ts'

/** Two pages at most sources. */
const sample = 200
/** Before the browser of whoever asked gives up. */
const timeoutMs = 20_000

/** What a check found, for people. */
export interface CheckAnswer {
  isFine: boolean
  en: string[]
  id: string[]
}

/** Checks the source for somebody who waits. */
export async function answerCheck(source: ConfiguredSource): Promise<CheckAnswer> {
  const { result } = await checkConfigured(source, { sample, timeoutMs })
  return { isFine: result.isFine, en: tellFindings(result, english), id: tellFindings(result, indonesian) }
}
