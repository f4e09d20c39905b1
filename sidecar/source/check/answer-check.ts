import { type ConfiguredSource, checkConfigured } from './check-configured.ts'
import { tellFindings } from './tell.ts'
import { english } from './words-en.ts'
import { indonesian } from './words-id.ts'

/** Two pages for most sources. */
const sample = 200
/** Shorter than the timeout of the caller's browser. */
const timeoutMs = 20_000

/** The result of a check, for people. */
export interface CheckAnswer {
  isFine: boolean
  en: string[]
  id: string[]
}

/** Checks the source within a short time, for a waiting user. */
export async function answerCheck(source: ConfiguredSource): Promise<CheckAnswer> {
  const { result } = await checkConfigured(source, { sample, timeoutMs })
  return { isFine: result.isFine, en: tellFindings(result, english), id: tellFindings(result, indonesian) }
}
