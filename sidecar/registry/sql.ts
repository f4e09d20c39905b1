import { readFileSync } from 'node:fs'

/**
 * Returns the text of an `.sql` file beside this module, such as `plan/02-fill.sql`; read once, when the process starts.
 * `:namesakes(newcomer, known)` and `:near_misses(newcomer, known)` stand for the files of these names over these two
 * relations, and `:lookalikes(newcomer, known)` for both.
 */
export function sql(file: string): string {
  return read(file)
    .replace(/:lookalikes(\([a-z_., ]+\))/g, ':namesakes$1\n  union\n  :near_misses$1')
    .replace(
      /:(namesakes|near_misses)\(([a-z_.]+), ([a-z_.]+)\)/g,
      (_, part: string, newcomers: string, known: string) =>
        read(`plan/${part.replace('_', '-')}.sql`)
          .replaceAll('NEWCOMERS', newcomers)
          .replaceAll('KNOWN', known)
    )
}

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
}

const partitioned = /\bkki\.(?:staged_row|staged_known|staged_page|staged_rejection|plan_row)\b/g

/**
 * Returns a statement about the batch `$1` that names the batch's own partitions. Of the parents the planner has no
 * statistics: it would take every join for one of each row with hundreds of others.
 */
export function inPartitions(statement: string, batchId: number): string {
  return statement.replace(partitioned, `$&_${batchId}`)
}
