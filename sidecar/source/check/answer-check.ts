import type { Language } from '../../platform/problem-texts.ts'
import { type ConfiguredSource, checkConfigured } from './check-configured.ts'
import { tellFindings } from './tell.ts'
import type { Words } from './words.ts'
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
  const told = (words: Words, language: Language) =>
    tellFindings(result, words).map(line => inPlainWords(line, language))
  return { isFine: result.isFine, en: told(english, 'en'), id: told(indonesian, 'id') }
}

const settings: Record<string, Record<Language, string>> = {
  KKI_BASE_URL: { en: 'the address of KKI', id: 'alamat KKI' },
  NODE_EXTRA_CA_CERTS: { en: 'the certificate authorities of the sidecar', id: 'otoritas sertifikat sidecar' },
  KKI_PAGE_TIMEOUT: { en: 'the time limit of a page', id: 'batas waktu halaman' },
  KKI_PAGE_SIZE: { en: 'the page size', id: 'ukuran halaman' }
}

/** Returns a line with words for the names of settings, which operators do not know; `sdmk source check` prints the names. */
export function inPlainWords(line: string, language: Language): string {
  return line.replace(/\b[A-Z]+(?:_[A-Z]+)+\b/g, name => settings[name]?.[language] ?? name)
}
