/** Ports of this machine whose packets are lost, as if their host had no power. Linux only, as root. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { unpackPackages } from '../debian/unpack.ts'

const run = promisify(execFile)
const cache = '/var/cache/sdmk-iptables'

/** From and to the port: neither data nor acknowledgements pass, and no end of a connection. */
const directions = ['--sport', '--dport'] as const

/** Loses all packets of these ports from now on. @throws PackagesUnavailable, or an error if the kernel has no filter */
export async function silence(ports: readonly number[]): Promise<void> {
  for (const rule of rulesOf(ports)) await iptables('--insert', rule)
}

/** Ends all losses of these ports. */
export async function unsilence(ports: readonly number[]): Promise<void> {
  // Nothing was ever lost here, so the program is not needed.
  if (!existsSync(cache)) return
  for (const rule of rulesOf(ports)) {
    // It fails if there is no such rule.
    await iptables('--delete', rule).catch(() => undefined)
  }
}

function rulesOf(ports: readonly number[]): string[][] {
  return ports.flatMap(port =>
    directions.map(direction => [
      ...['INPUT', '--in-interface', 'lo', '--protocol', 'tcp'],
      ...[direction, String(port), '--jump', 'DROP']
    ])
  )
}

async function iptables(command: '--insert' | '--delete', rule: readonly string[]): Promise<void> {
  const root = await unpackPackages(cache, ['iptables'], { withDependencies: true })
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  const libraries = path.join(root, `usr/lib/${machine}-linux-gnu`)
  await run(path.join(root, 'usr/sbin/iptables-nft'), ['--wait', command, ...rule], {
    env: { LD_LIBRARY_PATH: libraries, XTABLES_LIBDIR: path.join(libraries, 'xtables') }
  })
}
