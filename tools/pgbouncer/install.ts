import path from 'node:path'
import { unpackPackages } from '../debian/unpack.ts'

const libraries = ['libc-ares2', 'libevent-2.1-7']

/** Returns Debian's PgBouncer and the environment that it finds its libraries with. @throws PackagesUnavailable */
export async function installPgBouncer(): Promise<{ pgbouncer: string; env: Record<string, string> }> {
  const root = await unpackPackages('/var/cache/sdmk-pgbouncer', ['pgbouncer', ...libraries])
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  return {
    pgbouncer: path.join(root, 'usr/sbin/pgbouncer'),
    env: { LD_LIBRARY_PATH: path.join(root, `usr/lib/${machine}-linux-gnu`) }
  }
}
