import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { environment } from '../e2e/process.ts'

const sdmk = fileURLToPath(new URL('../../sidecar/cli/sdmk.ts', import.meta.url))

test('a text from a terminal that is not set to UTF-8 is rejected, and not stored with U+FFFD', async () => {
  // A shell makes the byte, since Node writes the arguments of its children in UTF-8.
  const line = `exec "$0" "${sdmk}" keys revoke "$(printf 'Jos\\351')"`
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>(resolve =>
    execFile('sh', ['-c', line, process.execPath], { env: environment({}) }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr })
    )
  )
  assert.deepEqual([code, stderr], [64, 'sdmk: arguments: must be UTF-8; set the terminal to UTF-8\n'])
})
