import { cp, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import type { Lane } from './lane.ts'
import type { Arguments } from './plan.ts'
import { findingsHeading, type Origin, page, summarize } from './report.ts'
import type { Result } from './run.ts'

const report = new URL('../docs/explain/chaos.md', import.meta.url)

/** Copies the replicas' logs, so that a fault can be analysed after the lanes were removed. */
export async function keepLogs(folder: string, to: string): Promise<void> {
  const isLog = (file: string) => file === folder || /lane-\d+$|\.log$/.test(file)
  await cp(folder, to, { recursive: true, filter: isLog }).catch(() => undefined)
}

/** Returns the conditions of the raw results, which are their first line. */
export function originOf(
  { runs, seed, lanes: count, rows, cluster, clocks, only = [] }: Arguments,
  lanes: readonly Lane[]
): Origin {
  return {
    command: `npm run chaos -- --runs ${runs ?? 0} --seed ${seed} --lanes ${count} --rows ${rows}${cluster ? ' --cluster' : ''}${clocks ? ' --clocks' : ''}${only.map(word => ` --only ${word}`).join('')}`,
    machine: `${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform}, Node ${process.version}`,
    whyNoDisk: lanes.map(lane => lane.store.whyNoDisk).find(why => why !== null) ?? null
  }
}

/** Writes docs/explain/chaos.md from raw results of one machine; the findings that people wrote there stay. */
export async function writeReport(files: readonly string[]): Promise<void> {
  const origins: Origin[] = []
  const results: Result[] = []
  for (const file of files) {
    const [first = '{}', ...lines] = (await readFile(file, 'utf8')).trim().split('\n')
    origins.push(JSON.parse(first) as Origin)
    results.push(...lines.map(line => JSON.parse(line) as Result).filter(({ sabotage }) => !sabotage))
  }
  const [, findings = '\n'] = (await readFile(report, 'utf8').catch(() => '')).split(findingsHeading)
  await writeFile(report, page(summarize(results), origins) + findings)
}
