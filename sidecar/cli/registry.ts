import { Presets, SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { counted } from '../platform/plural.ts'
import { type CheckResult, checkRegistry, countDoubts } from '../sync/check-registry.ts'
import { commandCaller, print, withDatabase } from './command.ts'
import { withQueue } from './with-queue.ts'

interface CheckCommandOptions {
  dryRun?: boolean
  json?: boolean
}

/** Returns `sdmk registry`: checks of the stored people and licences. */
export function registryCommand(): Command {
  return new Command('registry')
    .description('check the stored people and licences')
    .addCommand(
      new Command('check')
        .description('look for likely duplicates and likely wrong merges, and put them into the review queue')
        .option('--dry-run', 'only count them')
        .option('--json', 'print the result as JSON, and nothing else')
        .action(check)
    )
}

async function check({ dryRun, json }: CheckCommandOptions): Promise<void> {
  const bar = new SingleBar(
    { format: ' {bar} {percentage}% of the people', stream: process.stderr, noTTYOutput: false },
    Presets.shades_classic
  )
  const onProgress = (id: number, lastId: number) => {
    if (json) return
    if (!bar.isActive) bar.start(lastId, id)
    bar.update(id)
  }
  await withDatabase(context =>
    withQueue(context, async ({ database }) => {
      try {
        const result = dryRun
          ? await countDoubts({ database }, { onProgress })
          : await checkRegistry({ database }, { caller: commandCaller(), onProgress })
        bar.stop()
        print(json, result, linesOf(result))
      } finally {
        bar.stop()
      }
    })
  )
}

function linesOf({ people, duplicates, contradictions, withoutLicence, batchId, closed }: CheckResult): string[] {
  return [
    `${counted(people, 'person', 'people')} checked${batchId === null ? '; nothing was written' : ` in batch ${batchId}`}`,
    `${counted(duplicates, 'licence')} of people who may be registered twice (POSSIBLE_DUPLICATE)`,
    `${counted(contradictions, 'licence')} that may belong to another person (IDENTITY_CONFLICT)`,
    ...(withoutLicence > 0
      ? [`${counted(withoutLicence, 'pair')} of people without a licence, not in the review queue`]
      : []),
    ...(closed > 0 ? [`${counted(closed, 'question')} of earlier checks closed`] : [])
  ]
}
