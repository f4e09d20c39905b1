import { readFileSync } from 'node:fs'
import { mappingOf, parseDescription } from '../../sidecar/source/load.ts'
import type { Mapping } from '../../sidecar/transform/mapping.ts'
import type { Tables } from '../../sidecar/transform/tables.ts'
import type { TransformContext } from '../../sidecar/transform/types.ts'

/** Returns the parsed JSON of a file under `contracts/`, new at each call. */
export function readContract(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../contracts/${name}`, import.meta.url), 'utf8'))
}

/** Returns the mapping that the product ships with. */
export function shippedMapping(): Mapping {
  const json = readContract('sources/kki.json') as { tables: Tables }
  return mappingOf(parseDescription(json, { file: 'kki.json', defaults: json.tables }))
}

/** A page that KKI sent on 21 November 2026, 10:00 in Jakarta. */
export const context: TransformContext = { sourceNow: Date.parse('2026-11-21T03:00:00Z'), maxSkewMs: 3_600_000 }
