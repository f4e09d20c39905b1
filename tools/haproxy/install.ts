import path from 'node:path'
import { unpackPackages } from '../debian/unpack.ts'

const libraries = ['liblua5.3-0', 'libopentracing-c-wrapper0', 'libopentracing1']

/** Returns Debian's HAProxy and the environment with its library path. @throws PackagesUnavailable */
export async function installHaproxy(): Promise<{ haproxy: string; env: Record<string, string> }> {
  const root = await unpackPackages('/var/cache/sdmk-haproxy', ['haproxy', ...libraries])
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  return {
    haproxy: path.join(root, 'usr/sbin/haproxy'),
    env: { LD_LIBRARY_PATH: path.join(root, `usr/lib/${machine}-linux-gnu`) }
  }
}
