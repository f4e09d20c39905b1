import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { planBatch } from '../../sidecar/registry/plan.ts'

export type PlanBatch = typeof planBatch

/** A rule against wrong merges, and the replacement in its step that disables it. */
const guards = {
  rule1: {
    step: 'plan/decide/04-rows-of-one-str.sql',
    from: 'coalesce(pair.agree, false) as is_one_person',
    to: 'true as is_one_person'
  },
  rule4: {
    step: 'plan/match/01-known-people.sql',
    from: 'when nik_is_another then -4\n          when str_is_same then 3',
    to: 'when true then 3'
  },
  rule5: {
    step: 'plan/match/01-known-people.sql',
    from: 'then 5 else -5 end',
    to: 'then 5 when people = 1 then 3 else -5 end'
  },
  rule7: { step: 'plan/match/01-known-people.sql', from: 'else -7\n', to: 'else 6\n' }
} as const

export type Guard = keyof typeof guards
export const guardNames = Object.keys(guards) as Guard[]

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Calls `work` with a plan in which one rule is disabled. It comes from a copy of the registry folder, which is removed
 * afterwards.
 */
export async function withBroken<T>(guard: Guard, work: (plan: PlanBatch) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sdmk-broken-'))
  try {
    await cp(path.join(root, 'sidecar/registry'), path.join(folder, 'registry'), { recursive: true })
    for (const name of await readdir(path.join(root, 'sidecar'))) {
      if (name !== 'registry') await symlink(path.join(root, 'sidecar', name), path.join(folder, name))
    }
    await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
    await writeFile(path.join(folder, 'package.json'), '{"type":"module"}')
    const { step, from, to } = guards[guard]
    const file = path.join(folder, 'registry', step)
    const text = await readFile(file, 'utf8')
    if (text.split(from).length !== 2) throw new Error(`${step} no longer has the code of ${guard} exactly once`)
    await writeFile(file, text.replace(from, to))
    const { planBatch: broken } = (await import(pathToFileURL(path.join(folder, 'registry/plan.ts')).href)) as {
      planBatch: PlanBatch
    }
    return await work(broken)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
