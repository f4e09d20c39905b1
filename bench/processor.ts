import { readdir, readFile } from 'node:fs/promises'

/** On Linux the times in `/proc` are in hundredths of a second, for every processor. */
const ticksPerSecond = 100

interface Stat {
  pid: number
  parent: number
  /** Processor time in seconds of its threads, and of its ended children. */
  own: number
  ended: number
}

/**
 * Returns the processor time in seconds of a process and all its descendants, including ended ones; NaN if the system has no
 * `/proc`. Other work on the machine hardly changes it.
 */
export async function treeSeconds(pid: number): Promise<number> {
  const children = new Map<number, Stat[]>()
  let root: Stat | undefined
  for (const stat of await allStats()) {
    if (stat.pid === pid) root = stat
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), stat])
  }
  const sum = (stat: Stat): number =>
    stat.own + stat.ended + (children.get(stat.pid) ?? []).reduce((seconds, child) => seconds + sum(child), 0)
  return root === undefined ? Number.NaN : sum(root)
}

/** Returns the processor time of the ended children of this process, in seconds. */
export async function endedChildrenSeconds(): Promise<number> {
  return (await readStat(process.pid))?.ended ?? Number.NaN
}

/** Returns the process that started another. */
export async function parentOf(pid: number): Promise<number> {
  return (await readStat(pid))?.parent ?? Number.NaN
}

async function allStats(): Promise<Stat[]> {
  const names = await readdir('/proc').catch(() => [])
  const stats = await Promise.all(names.filter(name => /^\d+$/.test(name)).map(name => readStat(Number(name))))
  return stats.filter(stat => stat !== undefined)
}

/** Returns undefined for a process that has ended. */
async function readStat(pid: number): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name before it may hold spaces and brackets.
  const fields = text.slice(text.lastIndexOf(') ') + 2).split(' ')
  if (fields.length < 15) return undefined
  const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number) as [number, number, number, number]
  return {
    pid,
    parent: Number(fields[1]),
    own: (user + system) / ticksPerSecond,
    ended: (endedUser + endedSystem) / ticksPerSecond
  }
}
