import { Command } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { RequestInvalid } from '../errors.ts'
import { escapeUnprintable } from '../platform/printable-text.ts'
import { auditCommand } from './audit.ts'
import { breachScopeCommand } from './breach-scope.ts'
import { demoCommand } from './demo.ts'
import { doctorCommand } from './doctor.ts'
import { importCommand } from './import.ts'
import { keysCommand } from './keys.ts'
import { migrateCommand } from './migrate.ts'
import { odooCommand } from './odoo.ts'
import { personCommand } from './person.ts'
import { registryCommand } from './registry.ts'
import { rejectionsCommand } from './rejections.ts'
import { serveCommand } from './serve.ts'
import { simulatorCommand } from './simulator.ts'
import { sourceCommand } from './source.ts'
import { statusCommand } from './status.ts'
import { syncCommand } from './sync.ts'
import { watermarkCommand } from './watermark.ts'

/** Returns the command `sdmk` with its subcommands. It throws a CommanderError if it is used incorrectly. */
export function createProgram(): Command {
  const program = new Command('sdmk')
    .description(`${packageJson.description}. Settings are environment variables: docs/reference/configuration.md`)
    .version(packageJson.version)
    .showSuggestionAfterError()
    .hook('preAction', requireUtf8Arguments)
    .addCommand(serveCommand())
    .addCommand(demoCommand())
    .addCommand(syncCommand())
    .addCommand(importCommand())
    .addCommand(sourceCommand())
    .addCommand(statusCommand())
    .addCommand(doctorCommand())
    .addCommand(watermarkCommand())
    .addCommand(rejectionsCommand())
    .addCommand(registryCommand())
    .addCommand(odooCommand())
    .addCommand(personCommand())
    .addCommand(breachScopeCommand())
    .addCommand(auditCommand())
    .addCommand(migrateCommand())
    .addCommand(keysCommand())
    .addCommand(simulatorCommand())
  throwErrors(program)
  return program
}

/** Keeps the line breaks between the lines of an error and its help. */
const printable = (text: string) => text.split('\n').map(escapeUnprintable).join('\n')

/** Makes all subcommands throw their errors: by default they would end the process with the exit code of a failed run. */
function throwErrors(command: Command): void {
  // An error repeats the input, which may contain control characters that a terminal executes.
  command.exitOverride().configureOutput({ outputError: (text, write) => write(printable(text)) })
  command.commands.forEach(throwErrors)
}

/** Node replaces bytes that are not UTF-8 by U+FFFD. A reason would be stored with it. */
function requireUtf8Arguments(): void {
  if (process.argv.some(text => text.includes('\ufffd'))) {
    throw new RequestInvalid('arguments', 'must be UTF-8; set the terminal to UTF-8')
  }
}
