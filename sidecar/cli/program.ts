import { Command } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { RequestInvalid } from '../errors.ts'
import { escapeUnprintable } from '../platform/printable-text.ts'
import { auditCommand } from './audit.ts'
import { breachScopeCommand } from './breach-scope.ts'
import { demoCommand } from './demo.ts'
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

/** Returns the command `sdmk` with all that it can do. It throws a CommanderError where it is used incorrectly. */
export function createProgram(): Command {
  const program = new Command('sdmk')
    .description(`${packageJson.description}. Settings are environment variables: docs/configuration.md`)
    .version(packageJson.version)
    .showSuggestionAfterError()
    .hook('preAction', requireUtf8Arguments)
    .addCommand(serveCommand())
    .addCommand(demoCommand())
    .addCommand(syncCommand())
    .addCommand(importCommand())
    .addCommand(sourceCommand())
    .addCommand(statusCommand())
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

/** Keeps the line ends between the lines of an error and its help. */
const printable = (text: string) => text.split('\n').map(escapeUnprintable).join('\n')

/** Lets the whole tree throw its errors: by itself it would end the process with the exit code of a failed run. */
function throwErrors(command: Command): void {
  // An error repeats what was typed or pasted, which a terminal may obey.
  command.exitOverride().configureOutput({ outputError: (text, write) => write(printable(text)) })
  command.commands.forEach(throwErrors)
}

/** Node puts U+FFFD where a terminal that is not set to UTF-8 sent something else. A reason would be stored so. */
function requireUtf8Arguments(): void {
  if (process.argv.some(text => text.includes('\ufffd'))) {
    throw new RequestInvalid('arguments', 'must be UTF-8; set the terminal to it')
  }
}
