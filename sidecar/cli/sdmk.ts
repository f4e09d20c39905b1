#!/usr/bin/env node
import { Command } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { demoCommand } from './demo.ts'
import { keysCommand } from './keys.ts'
import { migrateCommand } from './migrate.ts'
import { reportError } from './run-errors.ts'
import { serveCommand } from './serve.ts'
import { simulatorCommand } from './simulator.ts'
import { statusCommand } from './status.ts'
import { syncCommand } from './sync.ts'

const program = new Command('sdmk')
  .description(
    'Keeps SDMK, the registry of health workers, true to KKI. Settings are environment variables: docs/configuration.md'
  )
  .version(packageJson.version)
  .showSuggestionAfterError()
for (const command of [
  serveCommand,
  demoCommand,
  syncCommand,
  statusCommand,
  migrateCommand,
  keysCommand,
  simulatorCommand
]) {
  program.addCommand(command())
}
await program.parseAsync().catch(reportError)
