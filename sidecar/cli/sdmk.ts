#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import path from 'node:path'

// Caches compiled code next to the packages, if this user may write there. Without it a start takes half as long again.
enableCompileCache(path.join(import.meta.dirname, '../../node_modules/.cache/sdmk'))
const { reportFailure } = await import('./command.ts')
const { checkArguments } = await import('./arguments.ts')
const { createProgram } = await import('./program.ts')

try {
  checkArguments(process.argv.slice(2))
  await createProgram().parseAsync()
} catch (error) {
  process.exit(reportFailure(error))
}
