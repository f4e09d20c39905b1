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

/** Limit for the whole check; a slower source cannot be used. */
const longestMs = 300_000

/** Returns `sdmk source`: checks a source against its description, and proposes a description for a new one. */
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
    .description(
      'request a few pages from the configured source, change nothing, and report what matches its description'
    )
    .addOption(new Option('--sample <rows>', 'number of rows to check').argParser(wholeNumber(1, 100_000)).default(500))
    .option('--save <file>', 'write the first page to this file as JSON, with all values masked that may be personal')
    .addOption(new Option('--language <code>', 'language of the result').choices(['en', 'id']).default('en'))
    .option('--json', 'print the result as JSON, and nothing else')
    .addHelpText(
      'after',
      '\nThe first lines name the most likely cause of a fault. Exit code 0: runs will work; 1: a fault was found.'
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
    process.stderr.write('No page was saved: the source sent no page in JSON.\n')
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
      'propose a description from a page of JSON; writes it to standard output and its notes to standard error'
    )
    .argument('<page>', 'a file with one answer of the source, original or masked by `source check --save`')
    .addHelpText(
      'after',
      '\nUnknown parts are marked "FILL IN: …". The service does not start with such a file. The page may contain personal data: keep it private.'
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
    // The cause is left out, because the parser's error quotes the page.
    throw new RequestInvalid('page', `${file} is not JSON`)
  }
}
