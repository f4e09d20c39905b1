import type { ChildProcess } from 'node:child_process'
import type { Account } from '../../sidecar/platform/embedded-binaries.ts'
import { dockerEngine } from './docker.ts'
import { OdooUnavailable } from './install.ts'
import { packageEngine } from './package.ts'

/** A command of Odoo that has been started. */
export interface OdooProcess {
  /** `stdin`, `stdout` and `stderr` are pipes; SIGTERM ends it gracefully. */
  child: ChildProcess
  /** Kills it, if it does not end after SIGTERM. */
  kill(): void
}

/** The way to run Odoo on this machine. */
export interface OdooEngine {
  name: 'package' | 'docker'
  /** The owner of Odoo's files; empty if it runs as the user of this process. */
  account: Account
  /** The host name with which Odoo reaches this machine's loopback address. */
  host: string
  /** The address on which Odoo listens, reachable only from this machine. */
  httpInterface: string
  /** Starts `odoo` with these arguments; it sees `folder` under the same path, and serves on `port` if it serves. */
  start(folder: string, port: number, args: string[]): OdooProcess
}

/**
 * Returns the way to run Odoo here: Debian's package, which is unpacked first if needed, else Docker.
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
