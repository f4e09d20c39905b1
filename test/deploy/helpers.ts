import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'

export const run = promisify(execFile)
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** What our tests look at in a service of the compose file; the schema of the specification checks the rest. */
export interface ComposeService {
  image: string
  build?: string | { context: string; target: string }
  command?: string | string[]
  entrypoint?: string[]
  environment?: Record<string, string>
  secrets?: (string | { source: string; target: string })[]
  networks: string[]
  ports?: string[]
  volumes?: string[]
  restart: string
  healthcheck?: { disable?: boolean; test?: string[] }
  depends_on?: Record<string, { condition: string; required?: boolean }>
  read_only: boolean
  cap_drop: string[]
  security_opt: string[]
  mem_limit: string
  memswap_limit?: string
  ulimits?: { core?: number }
  profiles?: string[]
}

export interface Compose {
  services: Record<string, ComposeService>
  networks: Record<string, { internal?: boolean; driver_opts?: Record<string, string> } | null>
  volumes: Record<string, unknown>
  secrets: Record<string, { file?: string }>
}

/** Returns a file of the repository. */
export function readText(name: string): Promise<string> {
  return readFile(path.join(root, name), 'utf8')
}

/** Returns the settings of `.env.example`. */
export async function exampleSettings(): Promise<Record<string, string>> {
  const lines = (await readText('.env.example')).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

/** The variables of a compose file; `$$` stands for a dollar sign. */
export const variablePattern = /(?<!\$)\$\{([A-Z_]+)\}/g

/** Returns the compose file as Compose reads it with the settings of `.env.example`. */
export async function readCompose(): Promise<Compose> {
  const settings = await exampleSettings()
  const text = (await readText('docker-compose.odoo.yml')).replace(variablePattern, (_, name) => settings[name] ?? '')
  return parse(text.replaceAll('$$', '$'), { merge: true })
}

/** Makes the secrets of the compose file in a folder of the test's own. */
export async function makeSecrets(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sdmk-secrets-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await run('sh', [path.join(root, 'deploy/compose/make-secrets.sh'), folder])
  return folder
}

/** Returns the words of a `command`, as Compose splits a text: ours have no quotes. */
export function wordsOf(command: string | string[] = []): string[] {
  return typeof command === 'string' ? command.trim().split(/\s+/) : command
}
