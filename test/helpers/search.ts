import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { decodeHTMLStrict } from 'entities'
import type pg from 'pg'

/** Where a text was found: in which row or file, and written how. */
export interface Trace {
  where: string
  how: string
}

/** The ways in which a text may be written down by mistake. */
export function formsOf(text: string): [how: string, form: string][] {
  const bytes = Buffer.from(text)
  const percent = [...bytes].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('')
  // The middle of the base64 text, which does not depend on the bytes around it, for each of the three possible alignments.
  const base64 = [0, 1, 2].map(shift => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    return encoded.slice(Math.ceil((shift * 4) / 3), -1)
  })
  return [
    ['plain', text],
    ['hex', bytes.toString('hex')],
    ['percent', percent],
    ['JSON', [...text].map(c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')],
    ...base64.map((form, shift): [string, string] => [`base64+${shift}`, form])
  ]
}

/** What may stand between two digits of a number that was written in groups. */
const betweenDigits = /(?<=\d)(?:[^\p{L}\d]|[\u115f\u1160]){1,12}(?=\d)/gu

/** Characters of the number that stand as escapes of JSON or URLs. */
const escapes = /\\u([0-9a-f]{4})|((?:%[0-9a-f]{2})+)/gi

/**
 * Returns a text with its numbers as a reader would say them: escapes undone, digits of every script as those of ASCII, and
 * without what separates them.
 */
export function withPlainNumbers(text: string): string {
  return decodeHTMLStrict(decodeHTMLStrict(text))
    .replace(escapes, (_, json, percent) =>
      percent
        ? Buffer.from(percent.replaceAll('%', ''), 'hex').toString()
        : String.fromCharCode(Number.parseInt(json, 16))
    )
    .normalize('NFKC')
    .replace(/[\p{Nd}--[0-9]]/gv, digit => String(digitValue(digit)))
    .replace(betweenDigits, '')
}

/** The value of a digit of any script: each has ten in order, from the zero. */
function digitValue(digit: string): number {
  const code = digit.codePointAt(0) ?? 0
  let zero = code
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && code - zero < 9) zero--
  return code - zero
}

/**
 * Returns the ways in which `content` contains any of the texts; letters match in any case, and digits in
 * any script and with any characters between them.
 */
export function tracesIn(where: string, content: string, texts: readonly string[]): Trace[] {
  const lower = content.toLowerCase()
  const plain = withPlainNumbers(lower)
  return texts.flatMap(text => {
    const forms = formsOf(text).filter(([how, form]) =>
      how.startsWith('base64')
        ? content.includes(form) || content.includes(form.replaceAll('+', '-').replaceAll('/', '_'))
        : lower.includes(form.toLowerCase())
    )
    const isSpelled = !lower.includes(text.toLowerCase()) && plain.includes(text.toLowerCase())
    return [...forms.map(([how]) => ({ where, how })), ...(isSpelled ? [{ where, how: 'in another spelling' }] : [])]
  })
}

/** Looks for the texts in every row of every table that a database has, bytes as hex. */
export async function searchDatabase(
  pool: pg.Pool,
  texts: readonly string[],
  schemas: string[] | null = null
): Promise<Trace[]> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      and ($1::text[] is null or n.nspname = any ($1))`,
    [schemas]
  )
  const found: Trace[] = []
  for (const { name } of tables) {
    const { rows } = await pool.query<{ row: string }>(`select t::text as row from ${name} t`)
    for (const { row } of rows) found.push(...tracesIn(name, row, texts))
  }
  return found
}

/** Looks for the texts in every file under a folder. */
export async function searchFolder(folder: string, texts: readonly string[]): Promise<Trace[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  const found: Trace[] = []
  for (const file of files.filter(entry => entry.isFile())) {
    const name = path.join(file.parentPath, file.name)
    const bytes = await readFile(name)
    found.push(...tracesIn(name, bytes.toString('latin1'), texts), ...tracesIn(name, bytes.toString(), texts))
  }
  return found
}
