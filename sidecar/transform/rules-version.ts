import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import type { Mapping } from './mapping-schema.ts'

/**
 * Returns a version of everything by which a record is read: the mapping, the modules of this folder with the rule
 * for identity numbers, and the tables of characters and entities that they use. Nobody has to remember to raise it when a rule changes.
 */
export function rulesVersion(mapping: Mapping): string {
  const { icu, unicode } = process.versions
  return hash('sha256', JSON.stringify([mapping, sources, entities, icu, unicode]))
}

const sources = [...readdirSync(import.meta.dirname).sort(), '../identity-number.ts'].map(file =>
  readFileSync(`${import.meta.dirname}/${file}`, 'utf8')
)
const entities = readFileSync(findPackageJSON('entities', import.meta.url) as string, 'utf8')
