import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { Command } from 'commander'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { readLinks, verifyDatabase } from '../audit/check.ts'
import type { Head } from '../audit/link.ts'
import { type ChainedEvent, type Finding, type Verdict, verifyChain } from '../audit/verify.ts'
import { loadConfig } from '../config.ts'
import { SdmkError } from '../errors.ts'
import { identitySecret, loadIdentity } from '../identity/keys.ts'
import { counted } from '../platform/plural.ts'
import { escapeUnprintable } from '../platform/printable-text.ts'
import { decodeText, splitLines, TextUnreadable } from '../platform/strict-text.ts'
import { inTransaction, oneMomentReadOnly } from '../platform/transaction.ts'
import { print, withPool } from './command.ts'
import { parseHead } from './head.ts'
import { withSecret } from './with-secret.ts'

/** Returns `sdmk audit`: verifies and exports the audit events. */
export function auditCommand(): Command {
  return new Command('audit')
    .description('verify and export the audit events')
    .addCommand(verifyCommand(), { isDefault: true })
    .addCommand(exportCommand())
}

interface VerifyOptions {
  head: Head[]
  file?: string
  json?: boolean
}

function verifyCommand(): Command {
  return new Command('verify')
    .description('verify that no audit event was changed, removed, moved or inserted; needs no running service')
    .option(
      '--head <seq:hash...>',
      'an end of the chain that was noted elsewhere, such as in the log or in Odoo',
      parseHeads,
      []
    )
    .option('-f, --file <file>', 'verify the output of `sdmk audit export` instead of the database')
    .option('--json', 'print the result as JSON')
    .action(async ({ head, file, json }: VerifyOptions) => {
      const keys = await withSecret(loadConfig(process.env, { talksToKki: false }), identitySecret, loadIdentity)
      const verdict =
        file === undefined
          ? await withPool(pool => verifyDatabase(pool, keys, head))
          : await verifyChain(readFileLinks(file), keys, head)
      print(json, verdict, linesOf(verdict))
      if (verdict.findings > 0) process.exitCode = 1
    })
}

function exportCommand(): Command {
  return new Command('export')
    .description('write the chained audit events to standard output, one JSON object per line')
    .action(() =>
      withPool(pool =>
        inTransaction(
          pool,
          client => pipeline(toLines(readLinks(client)), process.stdout, { end: false }),
          oneMomentReadOnly
        )
      )
    )
}

async function* toLines(links: AsyncIterable<ChainedEvent>): AsyncGenerator<string> {
  for await (const link of links) yield `${escapeUnprintable(JSON.stringify(link))}\n`
}

async function* readFileLinks(file: string): AsyncGenerator<ChainedEvent> {
  let number = 0
  try {
    for await (const line of splitLines(decodeText(createReadStream(file)))) {
      number++
      const link = parseLine(line)
      if (link === null) throw new ExportUnreadable(`Line ${number} of ${file} is not a link of an audit chain`)
      yield link
    }
  } catch (error) {
    throw error instanceof TextUnreadable ? new ExportUnreadable(`${file}, ${error.message}`) : error
  }
}

const checkLine = Compile(
  Type.Object({
    seq: Type.Integer({ minimum: 1 }),
    eventId: Type.Integer({ minimum: 1 }),
    eventHash: Type.String(),
    hash: Type.String(),
    keyId: Type.Integer(),
    event: Type.Union([Type.String(), Type.Null()])
  })
)

function parseLine(line: string): ChainedEvent | null {
  try {
    const value: unknown = JSON.parse(line)
    return checkLine.Check(value) ? value : null
  } catch {
    return null
  }
}

/** The file is not an output of `sdmk audit export`. */
class ExportUnreadable extends SdmkError {
  readonly code = 'SDMK_EXPORT_UNREADABLE'
}

const parseHeads = (text: string, others: Head[]) => [...others, parseHead(text)]

const meanings: Record<Finding['code'], string> = {
  EVENT_CHANGED: 'was changed after it was added to the chain',
  EVENT_MISSING: 'was removed',
  EVENT_UNLINKED: 'was inserted outside the chain',
  LINK_CHANGED: 'does not follow from the link before it, or was not signed with our key',
  LINK_MISSING: 'and perhaps later ones were removed',
  KEY_UNKNOWN: 'was signed with a key that the secret "nik-keys" does not have',
  CUT_OFF: 'was noted elsewhere, and the chain ends before it',
  HEAD_DIFFERS: 'was noted elsewhere with another hash'
}

function linesOf({ events, head, findings, first }: Verdict): string[] {
  const told = first.map(({ code, seq, eventId }) => {
    const what = [seq !== null && `link ${seq}`, eventId !== null && `event ${eventId}`].filter(Boolean).join(', ')
    return `${code}: ${what} ${meanings[code]}`
  })
  const more = findings > first.length ? [`and ${findings - first.length} more`] : []
  const end = head ? `The chain ends at ${head.seq}:${head.hash}` : 'The chain is still empty'
  const outcome =
    findings === 0
      ? `${counted(events, 'audit event')} unchanged.`
      : `${counted(findings, 'finding')} in ${counted(events, 'audit event')}.`
  return [...told, ...more, outcome, end]
}
