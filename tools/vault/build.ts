import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('.', import.meta.url))
const target = fileURLToPath(new URL('../../.data/vault', import.meta.url))

/**
 * Builds the Vault for tests as `.data/vault/vault`; needs Go 1.21 or newer and some minutes the first time. Go completes
 * its list of modules during the build, so the build uses a copy.
 */
mkdirSync(target, { recursive: true })
for (const file of ['go.mod', 'main.go']) cpSync(path.join(source, file), path.join(target, file))
const { status, error } = spawnSync('go', ['build', '-o', 'vault', '.'], {
  cwd: target,
  env: { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false' },
  stdio: 'inherit'
})
if (error) console.error(error.message)
process.exitCode = status ?? 1
