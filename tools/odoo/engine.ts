import type { ChildProcess } from 'node:child_process'
import type { Account } from '../../sidecar/platform/embedded-binaries.ts'
import { dockerEngine } from './docker.ts'
import { OdooUnavailable } from './install.ts'
import { packageEngine } from './package.ts'

/** A command of Odoo that has been started. */
export interface OdooProcess {
  /** `stdin`, `stdout` and `stderr` are pipes; SIGTERM ends it in order. */
  child: ChildProcess
  /** Ends it at once, for one that does not heed SIGTERM. */
  kill(): void
}

/** What runs Odoo on this machine. */
export interface OdooEngine {
  name: 'package' | 'docker'
  /** Whose Odoo's files must be; empty where it runs as the user of this process. */
  account: Account
  /** Under which name Odoo reaches what listens on this machine's loopback address. */
  host: string
  /** The address that Odoo listens on, to be reached from this machine alone. */
  httpInterface: string
  /** Starts `odoo` with these arguments; it sees `folder` under the same path, and serves on `port` if it serves. */
  start(folder: string, port: number, args: string[]): OdooProcess
}

/**
 * Returns what can run Odoo here: Debian's package, unpacked first where it is not there yet, else Docker.
 * @throws OdooUnavailable
 */
export async function findEngine(): Promise<OdooEngine> {
  try {
    return await packageEngine()
  } catch (error) {
    if (!(error instanceof OdooUnavailable)) throw error
    const docker = await dockerEngine()
    if (docker) return docker
    throw new OdooUnavailable(`${error.message}, and no Docker answers`, { cause: error })
  }
}
