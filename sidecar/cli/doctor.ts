import { Command } from 'commander'
import type { Finding } from '../doctor/finding.ts'
import { print } from './command.ts'
import { examineAll } from './examine-all.ts'

const marks: Record<Finding['state'], string> = {
  ok: 'ok     ',
  warning: 'WARNING',
  failed: 'FAILED ',
  skipped: 'skipped'
}

/** Returns `sdmk doctor`: one look at the whole installation, with what to do about whatever is wrong. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check the whole installation from here, change nothing, and say how to fix what is wrong')
    .option('--json', 'print the findings as JSON, and nothing else')
    .addHelpText('after', '\nExit code 0: nothing failed, though there may be warnings; 1: something failed.')
    .action(async ({ json }: { json?: boolean }) => {
      const findings: Finding[] = []
      for await (const finding of examineAll(process.env)) {
        findings.push(finding)
        if (!json) print(false, finding, linesOf(finding))
      }
      const failed = findings.filter(({ state }) => state === 'failed').length
      const warnings = findings.filter(({ state }) => state === 'warning').length
      const end = [`${findings.length} checks: ${failed} failed, ${warnings} with a warning.`]
      print(json, { isFine: failed === 0, findings }, end)
      if (failed > 0) process.exitCode = 1
    })
}

function linesOf({ check, state, found, fix }: Finding): string[] {
  return [`${marks[state]} ${check}: ${found}`, ...(fix === null ? [] : [`        ${fix}`])]
}
