import { writeFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { loadConfig } from '../config.ts'
import { RequestInvalid } from '../errors.ts'
import { escapeUnprintable } from '../platform/printable-text.ts'
import { readTextFile } from '../platform/strict-text.ts'
import { checkConfigured } from '../source/check/check-configured.ts'
import { tellResult } from '../source/check/tell.ts'
import { english } from '../source/check/words-en.ts'
import { indonesian } from '../source/check/words-id.ts'
import { type Note, proposeDescription } from '../source/init/propose.ts'
import { loadDescription, shippedDescription } from '../source/load.ts'
import { loadModule } from '../source/module.ts'
import { credentialsSecret } from '../source/token.ts'
import { print } from './command.ts'
import { wholeNumber } from './values.ts'
import { withSecret } from './with-secret.ts'

/** A check as a whole; a source that needs longer is too slow to be used. */
const longestMs = 300_000

/** Returns `sdmk source`: whether the source fits its description, and a first description for a new one. */
export function sourceCommand(): Command {
  return new Command('source')
    .description('check the source of health workers, or propose a description of a new one')
    .addCommand(checkCommand())
    .addCommand(initCommand())
}

interface CheckCommandOptions {
  sample: number
  save?: string
  language: 'en' | 'id'
  json?: boolean
}

function checkCommand(): Command {
  return new Command('check')
    .description('ask the configured source for a few pages, change nothing, and say what fits its description')
    .addOption(
      new Option('--sample <rows>', 'how many rows to look at').argParser(wholeNumber(1, 100_000)).default(500)
    )
    .option('--save <file>', 'write the first page there as JSON, with every value masked that may be personal')
    .addOption(new Option('--language <code>', 'of the result').choices(['en', 'id']).default('en'))
    .option('--json', 'print the result as JSON, and nothing else')
    .addHelpText(
      'after',
      '\nThe first lines name the likeliest cause of what is wrong. Exit code 0: runs will work; 1: something is wrong.'
    )
    .action(async ({ sample, save, language, json }: CheckCommandOptions) => {
      const config = loadConfig(process.env, { talksToKki: false })
      const description = await loadDescription(config.kki.sourceFile)
      const module = await loadModule(description.module)
      const { result, page } = await withSecret(config, credentialsSecret, secrets =>
        checkConfigured({ config, description, module, secrets }, { sample, timeoutMs: longestMs })
      )
      if (save !== undefined) await writePage(save, page)
      print(json, result, tellResult(result, language === 'id' ? indonesian : english))
      if (!result.isFine) process.exitCode = 1
    })
}

async function writePage(file: string, page: unknown): Promise<void> {
  if (page === null) {
    process.stderr.write('No page was saved: the source sent none in JSON.\n')
    return
  }
  try {
    await writeFile(file, `${JSON.stringify(page, null, 2)}\n`, { mode: 0o600 })
  } catch (cause) {
    throw new RequestInvalid('--save', `cannot be written (${(cause as { code?: string }).code})`)
  }
}

const kinds: Record<Note['kind'], string> = { fill: 'Fill in', look: 'Look at', guessed: 'Guessed' }

function initCommand(): Command {
  return new Command('init')
    .description(
      'propose a description from a page of JSON; it goes to standard output, and its notes to standard error'
    )
    .argument('<page>', 'a file with one answer of the source, as it was sent or as `source check --save` masked it')
    .addHelpText(
      'after',
      '\nGaps stand as "FILL IN: …". A service does not start with such a file. The page may hold personal data: keep it private.'
    )
    .action(async (file: string) => {
      const page = await readPage(file)
      const { tables } = await loadDescription(shippedDescription)
      const { description, notes } = proposeDescription(page, tables)
      print(false, description, JSON.stringify(description, null, 2).split('\n'))
      for (const kind of ['fill', 'look', 'guessed'] as const) {
        for (const { at, text } of notes.filter(note => note.kind === kind)) {
          process.stderr.write(`${escapeUnprintable(`${kinds[kind]} ${at}: ${text}`)}\n`)
        }
      }
    })
}

async function readPage(file: string): Promise<unknown> {
  let text: string
  try {
    text = await readTextFile(file)
  } catch (cause) {
    throw new RequestInvalid('page', `${file} cannot be read (${(cause as { code?: string }).code})`)
  }
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own error quotes the page.
    throw new RequestInvalid('page', `${file} is not JSON`)
  }
}
