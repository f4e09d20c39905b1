import { faultNames, whyMeaningless } from './faults.ts'
import type { Result } from './run.ts'
import { stepNames, steps } from './steps.ts'

interface Row {
  runs: number
  lost: number
  duplicated: number
  resumes: number[]
}

export interface Summary {
  counted: number
  missed: number
  lostRuns: number
  duplicatedRuns: number
  /** Over all counted runs, in seconds. */
  median: number
  worst: number
  /** The lowest maximum of concurrent batches of all runs. */
  fewestAtOnce: number
  /** Processes that ended although no fault killed them; their restart hid it. */
  ownEnds: number
  byPair: Map<string, Row>
}

/** Sums up the counted runs; a run that did not end in time counts as lost. */
export function summarize(results: readonly Result[]): Summary {
  const counted = results.filter(({ step, counted }) => step !== undefined && counted)
  const byPair = new Map<string, Row>()
  for (const { step, fault, lost, duplicated, resumeSeconds } of counted) {
    const key = `${step} × ${fault}`
    const row = byPair.get(key) ?? { runs: 0, lost: 0, duplicated: 0, resumes: [] }
    row.runs++
    if (lost > 0) row.lost++
    if (duplicated > 0) row.duplicated++
    row.resumes.push(resumeSeconds ?? Number.POSITIVE_INFINITY)
    byPair.set(key, row)
  }
  const resumes = counted.map(({ resumeSeconds }) => resumeSeconds ?? Number.POSITIVE_INFINITY)
  return {
    counted: counted.length,
    missed: results.filter(({ counted }) => !counted).length,
    lostRuns: results.filter(({ lost }) => lost > 0).length,
    duplicatedRuns: results.filter(({ duplicated }) => duplicated > 0).length,
    median: median(resumes),
    worst: resumes.length === 0 ? 0 : Math.max(...resumes),
    fewestAtOnce: Math.min(...results.map(({ mostBatchesAtOnce }) => mostBatchesAtOnce)),
    ownEnds: results.reduce((sum, { ownEnds }) => sum + ownEnds, 0),
    byPair
  }
}

/** The table in Markdown. */
export function render(summary: Summary): string {
  const rows = [...summary.byPair].map(([pair, { runs, lost, duplicated, resumes }]) => [
    pair,
    runs,
    lost,
    duplicated,
    seconds(median(resumes)),
    seconds(Math.max(...resumes))
  ])
  const { counted, lostRuns, duplicatedRuns, missed, fewestAtOnce, ownEnds } = summary
  rows.push(['**all**', counted, lostRuns, duplicatedRuns, seconds(summary.median), seconds(summary.worst)])
  const head = ['step × fault', 'runs', 'lost', 'duplicated', 'median s to resume', 'worst']
  const table = [head, ['---', '---:', '---:', '---:', '---:', '---:'], ...rows]
  return `${table.map(cells => `| ${cells.join(' | ')} |`).join('\n')}\n\n${missed} runs whose fault missed its step were repeated. Every run had at least ${fewestAtOnce} batches in work at once. ${ownEnds} processes ended without a fault that killed them.\n`
}

/** The origin of the numbers. */
export interface Origin {
  command: string
  machine: string
  whyNoDisk: string | null
}

/** People write the text after this heading. */
export const findingsHeading = '## Findings\n'

/** Returns docs/explain/chaos.md up to the findings. */
export function page(summary: Summary, origins: readonly Origin[]): string {
  const commands = origins.map(({ command }) => `\`${command}\``).join(' and ')
  const { machine, whyNoDisk } = origins[0] ?? { machine: 'no machine', whyNoDisk: null }
  const meanings = stepNames.map(step => `| \`${step}\` | ${steps[step].means} |`).join('\n')
  const meaningless = stepNames
    .flatMap(step => faultNames.map(fault => ({ step, fault, why: whyMeaningless(step, fault) })))
    .filter(({ why }) => why !== null)
  const reasons = Map.groupBy(meaningless, ({ why, fault }) => `${fault}: ${why}`)
  const skipped = [...reasons].map(([reason, of]) => `- ${reason} (${of.map(({ step }) => `\`${step}\``).join(', ')})`)
  return `# Kill matrix

This test combines every step of a run with every relevant fault, on real processes: three replicas, PostgreSQL, a simulated KKI and Odoo 19. A proxy
between each replica and each peer stops the replica at its step, so the fault happens at exactly this step. After the fault the run must end
automatically. SDMK, change records, ledger, decisions, rejected rows and audit events must equal those of an undisturbed run, the audit chain must
verify, and Odoo's tables must equal SDMK's.

Made by ${commands} on ${machine}.${whyNoDisk === null ? '' : ` \`disk-full\` was left out: ${whyNoDisk}.`}

## Results

A run counts only if its fault happened while its step was stopped. _Lost_: data is missing or wrong, or the run did not end
within five minutes. _Resume_: the time from the end of the fault (for \`sigkill\` from the kill) until the affected batch or call made progress.

${render(summary)}
## Steps

| Step | Stopped while |
| --- | --- |
${meanings}

## Left out

${skipped.join('\n')}

## Clusters and clocks

\`npm run chaos -- --cluster\` plays the faults of [a cluster](../operate/cluster.md) at each step: the primary is killed, paused for 40 s or 100 s, lost with all its packets (needs iptables), or switched over; a standby is killed; HAProxy is away.
\`npm run chaos -- --clocks\` shifts our clock, the database's or KKI's by a day, forwards or backwards, for 8 s. While a clock is wrong a run may fail. Another run must then lead to the
people and registrations of the undisturbed run.

## Check of the test itself

\`npm run chaos -- --sabotage NAME\` runs a copy of the code without one safety (\`fence\`, \`page-transaction\`, \`apply-transaction\`,
\`projection-version\`) and fails unless it detects the loss.

${findingsHeading}`
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

function seconds(value: number): string {
  return Number.isFinite(value) ? value.toFixed(1) : 'never'
}
