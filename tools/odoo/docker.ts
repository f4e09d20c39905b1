import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { OdooEngine } from './engine.ts'

const run = promisify(execFile)
const image = 'odoo:19'
const answerMs = 10_000

/** Returns the image `odoo:19` in a container, or `null` if no Docker answers. Docker pulls the image if needed. */
export async function dockerEngine(): Promise<OdooEngine | null> {
  try {
    await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: answerMs })
  } catch {
    return null
  }
  // On Linux a container can use the machine's network, including its loopback address. Elsewhere it runs in a virtual
  // machine, in which Docker Desktop provides a special name for that address.
  const isShared = process.platform === 'linux'
  return {
    name: 'docker',
    account: {},
    host: isShared ? '127.0.0.1' : 'host.docker.internal',
    httpInterface: isShared ? '127.0.0.1' : '0.0.0.0',
    start(folder, port, args) {
      const name = `sdmk-odoo-${randomBytes(4).toString('hex')}`
      // Its files belong to the user who started it: the image's own user could neither read nor write them.
      const owner = process.getuid && process.getgid ? ['--user', `${process.getuid()}:${process.getgid()}`] : []
      const network = isShared ? ['--network', 'host'] : ['--publish', `127.0.0.1:${port}:${port}`]
      const child = spawn(
        'docker',
        [
          ...['run', '--rm', '--interactive', '--init', '--name', name],
          ...owner,
          ...network,
          // The same path inside and outside, so that the configuration is valid for both.
          ...['--volume', `${folder}:${folder}`, '--workdir', folder, '--env', `HOME=${folder}`],
          // The image's entry point waits for a database under another name.
          ...['--entrypoint', 'odoo', image, ...args]
        ],
        { stdio: 'pipe', detached: true }
      )
      return { child, kill: () => void run('docker', ['rm', '--force', name]).catch(() => undefined) }
    }
  }
}
