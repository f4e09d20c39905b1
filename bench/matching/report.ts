import type { Evaluation, Failure, RowResult, Verdict } from './evaluate.ts'
import type { Labelled } from './generate.ts'
import { isWithin, scaled, sum, targets } from './targets.ts'

const columns = [
  ['cases', 'cases'],
  ['automatic', 'automatic'],
  ['wrong', 'wrong'],
  ['acquired', 'NIK'],
  ['renamed', 'name'],
  ['deactivated', 'ended'],
  ['notUrgent', 'slow'],
  ['splitBoth', 'split: 2'],
  ['splitOne', '1'],
  ['splitNone', '0 NIKs'],
  ['rejected', 'rejected']
] as const

const nameWidth = 40

export function printClasses(verdicts: readonly Verdict[]): void {
  console.log(`\n${''.padEnd(nameWidth)}${columns.map(([, title]) => title.padStart(10)).join('')}  by code`)
  for (const verdict of verdicts) {
    console.log(
      line(
        verdict.name,
        columns.map(([key]) => verdict[key])
      ) + codesOf(verdict)
    )
  }
  console.log(
    line(
      'all',
      columns.map(([key]) => sum(verdicts, key))
    )
  )
}

function line(name: string, counts: readonly number[]): string {
  return name.padEnd(nameWidth) + counts.map(value => count(value).padStart(10)).join('')
}

function codesOf({ codes }: Verdict): string {
  const most = Object.entries(codes).sort(([, a], [, b]) => b - a)
  return `  ${most.map(([code, times]) => `${code} ${count(times)}`).join(', ')}`
}

export function printTargets(verdicts: readonly Verdict[], cases: number): void {
  console.log(`\n${''.padEnd(62)}${['reached', 'at least', 'aim'].map(title => title.padStart(10)).join('')}`)
  for (const target of targets) {
    const reached = target.count(verdicts)
    const limits = [target.least, target.aim].map(limit => (target.isShare ? limit : scaled(limit, cases)))
    const verdict = isWithin(target, target.least, reached, cases) ? '' : '  MISSED'
    console.log(
      target.name.padEnd(62) + [reached, ...limits].map(value => count(value).padStart(10)).join('') + verdict
    )
  }
}

/** Prints for each class how many cases end differently in different orders, by the difference. */
export function printOrders({ cases }: Labelled, evaluations: readonly Evaluation[]): void {
  const differences = new Map<string, Map<string, number>>()
  for (const [number, { name }] of cases.entries()) {
    const outcomes = evaluations.map(({ failed, asking }) => [
      ...(Object.keys(failed) as Failure[]).filter(failure => failed[failure].has(number)),
      ...(asking.has(number) ? ['rejected'] : [])
    ])
    const differing = new Set(outcomes.flat().filter(outcome => !outcomes.every(all => all.includes(outcome))))
    const ofClass = differences.get(name) ?? new Map<string, number>()
    differences.set(name, ofClass)
    for (const outcome of differing) ofClass.set(outcome, (ofClass.get(outcome) ?? 0) + 1)
  }
  console.log('\nCases that end differently in another order of the same rows')
  for (const [name, ofClass] of differences) {
    const found = [...ofClass].map(([outcome, times]) => `${outcome} ${count(times)}`).join(', ')
    if (found !== '') console.log(name.padEnd(nameWidth) + found)
  }
}

/** Prints up to `most` cases of each class and failure, row by row: its batch, content and result. */
export function printExamples(
  { cases, people }: Labelled,
  { failed }: Evaluation,
  results: readonly RowResult[],
  most: number
): void {
  if (most === 0) return
  const byCase = Map.groupBy(results, row => row.case)
  const byId = new Map(people.map(person => [person.id, person]))
  for (const failure of Object.keys(failed) as Failure[]) {
    for (const [{ name }, numbers] of Map.groupBy(
      [...failed[failure]].sort((a, b) => a - b),
      number => cases[number] as Labelled['cases'][number]
    )) {
      for (const number of numbers.slice(0, most)) {
        console.log(`\n${failure} · ${name} · case ${number}`)
        for (const { record, person, batchId, outcome, healthWorkerId, codes } of byCase.get(number) ?? []) {
          const { nomor_str, nik, nama, tempat_lahir, tanggal_lahir, jenis_kelamin, profesi, status_str } = record
          const said = [nomor_str, nik, nama, tempat_lahir, tanggal_lahir, jenis_kelamin, profesi, status_str].join(
            ' | '
          )
          const became = [outcome, healthWorkerId && `record ${healthWorkerId}`, ...codes].filter(Boolean).join(' ')
          console.log(
            `  batch ${batchId} person ${person} (${byId.get(person)?.names.join(' ')}) | ${said} -> ${became}`
          )
        }
      }
    }
  }
}

function count(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 2 })
}
