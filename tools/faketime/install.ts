import path from 'node:path'
import { unpackPackages } from '../debian/unpack.ts'

/**
 * Returns the environment in which a program's clock is shifted by the text of `file`, such as `+86400`, which may change
 * while it runs. Timers keep their pace.
 *
 * @throws PackagesUnavailable
 */
export async function shiftedClock(file: string): Promise<Record<string, string>> {
  const root = await unpackPackages('/var/cache/sdmk-faketime', ['libfaketime'])
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  return {
    LD_PRELOAD: path.join(root, `usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1'
  }
}
