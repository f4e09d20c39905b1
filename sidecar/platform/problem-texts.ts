import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export type Language = 'en' | 'id'

export interface CodeText {
  title: string
  meaning: string
}

type Catalogue = Record<string, { title: Record<Language, string>; meaning: Record<Language, string> }>

let catalogue: Catalogue | undefined

/** Returns the entry of a code in `contracts/codes.yaml`, or `null` if it has none. The file is read once per process. */
export function codeText(code: string, language: Language): CodeText | null {
  catalogue ??= parse(readFileSync(new URL('../../contracts/codes.yaml', import.meta.url), 'utf8')) as Catalogue
  const entry = catalogue[code]
  return entry ? { title: entry.title[language], meaning: entry.meaning[language] } : null
}

/** Returns the language of ours that an `Accept-Language` header prefers; English if it accepts neither. */
export function preferredLanguage(header: string | undefined): Language {
  let best: Language = 'en'
  let bestQuality = 0
  for (const item of (header ?? '').split(',')) {
    const [tag = '', ...parameters] = item.trim().toLowerCase().split(';')
    const quality = Number(
      parameters
        .find(text => text.trim().startsWith('q='))
        ?.trim()
        .slice(2) ?? 1
    )
    // `in` was the code of Indonesian before 1989, and some systems still send it.
    const primary = tag.split('-')[0]
    const language = primary === 'id' || primary === 'in' ? 'id' : primary === 'en' ? 'en' : null
    if (language && quality > bestQuality) [best, bestQuality] = [language, quality]
  }
  return best
}
