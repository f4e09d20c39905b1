import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

/** Returns a text that changes with any file of these folders, by its path or its content. */
export async function fingerprintOf(...folders: string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of folders) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const files = entries.filter(entry => entry.isFile() && !entry.name.endsWith('.pyc'))
    for (const file of files.map(entry => path.join(entry.parentPath, entry.name)).sort()) {
      hash.update(`${path.relative(folder, file)}\0`).update(await readFile(file))
    }
  }
  return hash.digest('hex')
}
