import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { placesFile } from './birth-place.ts'
import type { Mapping } from './mapping-schema.ts'
import { titlesFile } from './titles.ts'

/**
 * Returns a version of everything by which a record is read: the mapping, the modules of this folder with the rule
 * for identity numbers, and the tables of titles, places, characters and entities that they use. Nobody has to remember to raise it when a rule changes.
 */
export function rulesVersion(mapping: Mapping): string {
  const { icu, unicode } = process.versions
  return hash('sha256', JSON.stringify([mapping, sources, entities, icu, unicode]))
}

const modules = [...readdirSync(import.meta.dirname).sort(), '../platform/identity-number.ts']
const sources = [...modules.map(file => `${import.meta.dirname}/${file}`), titlesFile, placesFile].map(file =>
  readFileSync(file, 'utf8')
)
const entities = readFileSync(findPackageJSON('entities', import.meta.url) as string, 'utf8')
