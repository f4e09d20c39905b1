import { spawn } from 'node:child_process'
import path from 'node:path'
import type { OdooEngine } from './engine.ts'
import { installOdoo } from './install.ts'

/** Odoo would run as root, but a web server should own nothing. */
const nobody = { uid: 65534, gid: 65534 }

/**
 * Returns an engine that runs Debian's package with this machine's Python; as the user nobody if this process is root.
 * @throws OdooUnavailable
 */
export async function packageEngine(): Promise<OdooEngine> {
  const python = await installOdoo()
  const isRoot = process.getuid?.() === 0
  // If its parent dies, the server would continue and keep its port and its database.
  const wrapper = [
    'setpriv',
    '--pdeathsig=TERM',
    ...(isRoot ? ['--reuid=65534', '--regid=65534', '--clear-groups'] : [])
  ]
  return {
    name: 'package',
    account: isRoot ? nobody : {},
    host: '127.0.0.1',
    httpInterface: '127.0.0.1',
    start(folder, _port, args) {
      const [file = '', ...rest] = [...wrapper, '/usr/bin/python3', path.join(python, '../../../bin/odoo'), ...args]
      const child = spawn(file, rest, {
        cwd: folder,
        // A separate session: otherwise Ctrl-C in a terminal would reach it in addition to our own signal, and the second
        // signal makes Odoo abort everything.
        detached: true,
        stdio: 'pipe',
        env: {
          HOME: folder,
          PATH: '/usr/bin:/bin',
          LANG: 'C.UTF-8',
          PYTHONPATH: python,
          PYTHONDONTWRITEBYTECODE: '1'
        }
      })
      return { child, kill: () => void child.kill('SIGKILL') }
    }
  }
}
