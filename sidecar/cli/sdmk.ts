#!/usr/bin/env node
import { reportFailure } from './command.ts'
import { createProgram } from './program.ts'

try {
  await createProgram().parseAsync()
} catch (error) {
  process.exit(reportFailure(error))
}
