import { randomUUID } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/**
 * Opens an empty temporary file for personal data. Only its owner can read it, and it is unlinked at once: nothing of it
 * is left when it is closed or the process ends, even after a crash.
 */
export async function openNamelessFile(): Promise<FileHandle> {
  const name = path.join(tmpdir(), `sdmk-${randomUUID()}`)
  const file = await open(name, 'wx+', 0o600)
  await unlink(name)
  return file
}
