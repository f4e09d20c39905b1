import type { FileHandle } from 'node:fs/promises'

const chunkBytes = 65_536

/** Yields the bytes of a file from its beginning. A stream of Node would close the file if it is not read to its end. */
export async function* chunksOf(file: FileHandle): AsyncGenerator<Buffer, void, void> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(chunkBytes), 0, chunkBytes, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}
