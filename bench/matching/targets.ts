import type { Verdict } from './evaluate.ts'

/** Limits and aims, per 1,000 cases of each class. */
export interface Target {
  name: string
  least: number
  aim: number
  /** A limit for each case instead of for all: does not grow with the number of cases. */
  isShare?: boolean
  count(verdicts: readonly Verdict[]): number
}

const errorGroups: readonly Verdict['group'][] = ['name', 'date', 'place', 'nik']

export const targets: readonly Target[] = [
  {
    name: 'wrong merges in classes of name, date, place and NIK errors',
    least: 0,
    aim: 0,
    count: verdicts =>
      sum(
        verdicts.filter(({ group }) => errorGroups.includes(group)),
        'wrong'
      )
  },
  { name: 'wrong merges in all classes', least: 900, aim: 300, count: verdicts => sum(judged(verdicts), 'wrong') },
  {
    name: 'wrong merges in the earlier classes',
    least: 0,
    aim: 0,
    count: verdicts =>
      sum(
        verdicts.filter(({ group }) => group === 'earlier'),
        'wrong'
      )
  },
  { name: 'NIK of another person acquired', least: 60, aim: 0, count: verdicts => sum(judged(verdicts), 'acquired') },
  {
    name: 'deactivation applied to another person',
    least: 5,
    aim: 0,
    count: verdicts => sum(judged(verdicts), 'deactivated')
  },
  {
    name: 'silent splits, NIK on both sides',
    least: 50,
    aim: 0,
    count: verdicts => sum(judged(verdicts), 'splitBoth')
  },
  {
    name: 'silent splits, all',
    least: 1300,
    aim: 500,
    count: verdicts => sum(judged(verdicts), 'splitBoth', 'splitOne', 'splitNone')
  },
  {
    name: 'cases with a rejected row',
    least: 24_000,
    aim: 18_000,
    count: verdicts => sum(judged(verdicts), 'rejected')
  },
  {
    name: 'ordinary cases with a rejected row, in percent',
    least: 0.5,
    aim: 0,
    isShare: true,
    count(verdicts) {
      const ordinary = verdicts.filter(({ group }) => group === 'ordinary')
      return ordinary.length === 0 ? 0 : (100 * sum(ordinary, 'rejected')) / sum(ordinary, 'cases')
    }
  }
]

/** Returns whether `reached` satisfies a limit per 1,000 cases of each class. */
export function isWithin({ isShare }: Target, limit: number, reached: number, casesOfEachClass: number): boolean {
  return reached <= (isShare ? limit : scaled(limit, casesOfEachClass))
}

export function scaled(limit: number, casesOfEachClass: number): number {
  return Math.ceil((limit * casesOfEachClass) / 1000)
}

/** The limits apply to all classes except the earlier ones. */
function judged(verdicts: readonly Verdict[]): Verdict[] {
  return verdicts.filter(({ group }) => group !== 'earlier')
}

type Counter = Exclude<keyof Verdict, 'name' | 'group' | 'codes'>

export function sum(verdicts: readonly Verdict[], ...keys: Counter[]): number {
  return verdicts.reduce((total, verdict) => total + keys.reduce((part, key) => part + verdict[key], 0), 0)
}
