/**
 * Writes the regular expressions that our program makes while it runs, as JSON lines: those of `new RegExp`, and those that
 * the validators of Fastify and TypeBox make of our schemas. It is a separate process, because it replaces RegExp for all code.
 */
import { globSync, writeSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const ours = /\/((?:sidecar|simulator)\/[^:)]+):(\d+):\d+\)?$/
/** The packages that make patterns of schemas. */
const validators = /\/node_modules\/(?:ajv|typebox|@fastify\/ajv-compiler)\//

const RecordingRegExp = new Proxy(RegExp, {
  construct: (target, args: [string | RegExp, string?], newTarget) =>
    record(Reflect.construct(target, args, newTarget)),
  apply: (target, thisArg, args: [string | RegExp, string?]) => record(Reflect.apply(target, thisArg, args))
})
globalThis.RegExp = RecordingRegExp

function record(made: RegExp): RegExp {
  // The frame below those of this file.
  const frame = new Error().stack?.split('\n').find((line, i) => i > 0 && !line.includes('record-patterns'))
  const [, file, line] = ours.exec(frame ?? '') ?? []
  const where = file ? `${file}:${line}` : validators.test(frame ?? '') ? 'a schema' : undefined
  if (where) writeSync(1, `${JSON.stringify({ source: made.source, flags: made.flags, where })}\n`)
  return made
}

const load = (file: string) => import(pathToFileURL(path.join(root, file)).href)
const programs = ['sidecar/cli/sdmk.ts']
for (const file of globSync('{sidecar,simulator}/**/*.ts', { cwd: root })) {
  if (!programs.includes(file)) await load(file)
}
const { loadMapping } = await load('sidecar/source/load.ts')
const { createTransform } = await load('sidecar/transform/transform.ts')
createTransform(await loadMapping(path.join(root, 'contracts/sources/kki.json')))
const { DescriptionSchema } = await load('sidecar/source/description.ts')
const { findSchemaFault } = await load('sidecar/platform/schema-fault.ts')
const { readFile } = await import('node:fs/promises')
findSchemaFault(DescriptionSchema, JSON.parse(await readFile(path.join(root, 'contracts/sources/kki.json'), 'utf8')))
const { compileText } = await load('simulator/shape/template.ts')
compileText('ge{since}')
const { loadConfig } = await load('sidecar/config.ts')
const { buildApp } = await load('sidecar/app.ts')
const { silent } = await load('test/helpers/server.ts')
const app = await buildApp(loadConfig({}, { talksToKki: false }), { withoutServices: true, logger: silent })
await app.ready()
process.exit(0)
