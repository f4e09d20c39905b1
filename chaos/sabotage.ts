import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Pair } from './faults.ts'

interface Edit {
  file: string
  from: string
  to: string
}

interface Sabotage {
  edits: Edit[]
  /** The faults that must reveal it. */
  pairs: Pair[]
}

/** A safety, the code to replace to disable it, and the faults that it protects against. */
const sabotages = {
  /** A paused process continues to write to a batch that another process has taken: here it ends it as failed. */
  fence: {
    edits: [
      {
        file: 'sidecar/sync/batch.ts',
        from: 'and b.id = $1 and b.fence = $2 and b.state = any ($3::text[])',
        to: 'and b.id = $1 and $2::bigint is not null and b.state = any ($3::text[])'
      }
    ],
    pairs: [{ step: 'fetch', fault: 'sigstop-denied' }]
  },
  /** Rows are staged after the transaction that moves the cursor past them. */
  'page-transaction': {
    edits: [
      { file: 'sidecar/sync/staged-walk.ts', from: '      await stagePages(client, batch.id, pages)\n', to: '' },
      // All pages of a batch belong to its last transaction: after an earlier one the walk would start again, and lose
      // nothing.
      {
        file: 'sidecar/sync/staged-walk.ts',
        from: 'const pagesPerTransaction = 4',
        to: 'const pagesPerTransaction = 1000'
      },
      {
        file: 'sidecar/sync/staged-walk.ts',
        from: '    this.#writer.giveBack(pages)\n',
        to: '    await database.withTransaction(client => stagePages(client, this.#batch.id, pages))\n'
      }
    ],
    pairs: [{ step: 'stage-done', fault: 'sigkill' }]
  },
  /** The changes are committed before the batch. */
  'apply-transaction': {
    edits: [
      {
        file: 'sidecar/sync/plan-and-apply.ts',
        from: '  client.notifyOdoo({ changesOf: planned.id, rejectionsOf: planned.id })\n',
        to: "  client.notifyOdoo({ changesOf: planned.id, rejectionsOf: planned.id })\n  await client.query('commit')\n  await client.query('begin')\n"
      }
    ],
    pairs: [{ step: 'apply-before', fault: 'sigkill' }]
  },
  /** Odoo accepts every row, even an older one after a newer one. */
  'projection-version': {
    edits: [
      {
        file: 'odoo_addons/sdmk_core/models/sdmk_mirror.py',
        from: 'where %(table)s.version < excluded.version or %(is_repair)s',
        to: 'where %(table)s.version is not null or %(is_repair)s'
      }
    ],
    pairs: [{ step: 'project-before', fault: 'sigstop' }]
  }
} as const satisfies Record<string, Sabotage>

export type SabotageName = keyof typeof sabotages

export interface Sabotaged {
  name: SabotageName
  /** The command line of the sidecar to run. */
  sdmk: string
  /** Folders whose files replace those of the repository's addons. */
  moreAddons: string[]
  /** The faults that must reveal it. */
  pairs: readonly Pair[]
  close(): Promise<void>
}

const root = fileURLToPath(new URL('..', import.meta.url))

/** The command line of the unchanged code. */
export const whole = path.join(root, 'sidecar/cli/sdmk.ts')

/** @throws if no safety has that name */
export function sabotageOf(name: string): SabotageName {
  if (Object.hasOwn(sabotages, name)) return name as SabotageName
  throw new Error(`--sabotage: one of ${Object.keys(sabotages).join(', ')}`)
}

/** Copies the code of the sidecar and the simulator into this folder; packages are linked. */
export async function copyProgram(folder: string): Promise<void> {
  for (const copied of ['sidecar', 'contracts', 'simulator']) {
    await cp(path.join(root, copied), path.join(folder, copied), { recursive: true })
  }
  for (const linked of ['node_modules', 'package.json']) {
    await symlink(path.join(root, linked), path.join(folder, linked))
  }
}

/** Makes a copy of the repository in which one safety is switched off. @throws if the code to replace has changed */
export async function sabotage(name: SabotageName): Promise<Sabotaged> {
  const { edits, pairs }: Sabotage = sabotages[name]
  const folder = await mkdtemp(path.join(tmpdir(), 'sdmk-sabotage-'))
  const close = () => rm(folder, { recursive: true, force: true })
  try {
    await copyProgram(folder)
    for (const { file, from, to } of edits) {
      const isCopied = file.startsWith('sidecar/')
      const text = await readFile(isCopied ? path.join(folder, file) : path.join(root, file), 'utf8')
      if (text.split(from).length !== 2) throw new Error(`${file} no longer has the code of "${name}" exactly once`)
      await mkdir(path.dirname(path.join(folder, file)), { recursive: true })
      await writeFile(
        path.join(folder, file),
        text.replace(from, () => to)
      )
    }
    const hasAddons = edits.some(({ file }) => file.startsWith('odoo_addons/'))
    return {
      name,
      sdmk: path.join(folder, 'sidecar/cli/sdmk.ts'),
      moreAddons: hasAddons ? [path.join(folder, 'odoo_addons')] : [],
      pairs,
      close
    }
  } catch (error) {
    await close()
    throw error
  }
}
