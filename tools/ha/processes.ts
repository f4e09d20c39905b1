/** Processes of this machine, found by their command line. Linux only, as are the packages. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** Returns the ids of the processes of this program that have `text` in their arguments. */
export async function findProcesses(program: string, text: string): Promise<number[]> {
  const found: number[] = []
  for (const pid of await allProcesses()) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    const [file = '', ...args] = line.split('\0')
    if (path.basename(file) === program && args.some(arg => arg.includes(text))) found.push(pid)
  }
  return found
}

/** Returns the ids of the processes that these have started, at any depth. */
export async function descendantsOf(parents: readonly number[]): Promise<number[]> {
  const parentOf = new Map<number, number>()
  for (const pid of await allProcesses()) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    // The name, in parentheses, can contain anything.
    const parent = /\) \S (\d+) [^)]*$/.exec(stat)?.[1]
    if (parent !== undefined) parentOf.set(pid, Number(parent))
  }
  const found = new Set<number>()
  let size = -1
  while (size !== found.size) {
    size = found.size
    for (const [pid, parent] of parentOf) if (parents.includes(parent) || found.has(parent)) found.add(pid)
  }
  return [...found]
}

/** Sends a signal to each; those that have ended meanwhile are left out. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Resolves to whether all have ended within the time. */
export async function haveEnded(pids: readonly number[], ms: number): Promise<boolean> {
  for (const end = Date.now() + ms; ; await wait(50)) {
    const states = await Promise.all(pids.map(isRunning))
    if (!states.includes(true)) return true
    if (Date.now() > end) return false
  }
}

/** A process that has ended, and that its parent has not noticed yet, does not run. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat !== '' && !/\) [ZX] [^)]*$/.test(stat)
}

async function allProcesses(): Promise<number[]> {
  return (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
}
