import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Node, parse } from 'acorn'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../..', import.meta.url))

/** A regular expression, and the places where it stands. */
export interface Pattern {
  source: string
  flags: string
  where: string[]
}

interface Found {
  source: string
  flags: string
  where: string
}

/** The regular expressions in a file of TypeScript or JavaScript. */
interface Code {
  /** Literals, and `pattern` of a schema where it is one text. */
  written: Found[]
  /** Places of `new RegExp(…)`, and of a `pattern` that is put together: their text shows only at run time. */
  made: string[]
}

/**
 * Returns every regular expression of the sidecar, the simulator and the addons, once each: literals, those that are put
 * together when the program runs, those of schemas, and Python's.
 * @throws where `new RegExp` is called at a place that the recording has not seen
 */
export async function findPatterns(): Promise<Pattern[]> {
  const files = globSync(['{sidecar,simulator}/**/*.ts', 'odoo_addons/**/*.js'], { cwd: root })
  const code = files.map(readCode)
  const recorded = await recordPatterns()
  const seen = new Set(recorded.map(({ where }) => where))
  const missing = code.flatMap(({ made }) => made).filter(place => !seen.has(place))
  if (missing.length > 0) throw new Error(`record-patterns.ts does not run the code at ${missing.join(', ')}`)
  return unite([...code.flatMap(({ written }) => written), ...recorded, ...(await pythonPatterns())])
}

function unite(found: readonly Found[]): Pattern[] {
  const patterns = new Map<string, Pattern>()
  for (const { source, flags, where } of found) {
    // The continuation of a search after a match makes no difference.
    const searched = flags.replace(/[gyd]/g, '')
    const key = `/${source}/${searched}`
    const pattern = patterns.get(key) ?? { source, flags: searched, where: [] }
    if (!pattern.where.includes(where)) pattern.where.push(where)
    patterns.set(key, pattern)
  }
  return [...patterns.values()]
}

function readCode(file: string): Code {
  const text = readFileSync(path.join(root, file), 'utf8')
  const script = file.endsWith('.ts') ? stripTypeScriptTypes(text) : text
  const tree = parse(script, { ecmaVersion: 'latest', sourceType: 'module', locations: true, allowHashBang: true })
  const code: Code = { written: [], made: [] }
  walk(tree, node => {
    const where = `${file}:${node.loc?.start.line}`
    if (isRegExpLiteral(node)) code.written.push({ source: node.regex.pattern, flags: node.regex.flags, where })
    else if (node.type === 'NewExpression' && nameOf(node, 'callee') === 'RegExp') code.made.push(where)
    else if (node.type === 'Property' && nameOf(node, 'key') === 'pattern') {
      const { value } = node as unknown as { value: { type: string; value?: unknown } }
      // Ajv and TypeBox read them with this flag.
      if (typeof value.value === 'string') code.written.push({ source: value.value, flags: 'u', where })
    }
  })
  return code
}

function isRegExpLiteral(node: Node): node is Node & { regex: { pattern: string; flags: string } } {
  return node.type === 'Literal' && 'regex' in node
}

function nameOf(node: Node, property: string): unknown {
  return (node as unknown as Record<string, { name?: string }>)[property]?.name
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) for (const item of value) walk(item, visit)
  else if (typeof value === 'object' && value !== null && 'type' in value) {
    visit(value as Node)
    for (const child of Object.values(value)) walk(child, visit)
  }
}

async function recordPatterns(): Promise<Found[]> {
  const script = fileURLToPath(new URL('record-patterns.ts', import.meta.url))
  const { stdout } = await run(process.execPath, [script], { cwd: root, maxBuffer: 2 ** 26, timeout: 300_000 })
  return parseLines(stdout)
}

/** Calls of the module `re` with a text, as JavaScript writes them. */
const readPython = `
import ast, json, sys
for file in sys.argv[1:]:
    for node in ast.walk(ast.parse(open(file, encoding="utf-8").read())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute): continue
        if not isinstance(node.func.value, ast.Name) or node.func.value.id != "re" or node.func.attr == "escape": continue
        pattern = node.args[0]
        if isinstance(pattern, ast.Name): continue
        if not isinstance(pattern, ast.Constant): sys.exit(f"{file}:{node.lineno}: the pattern is not one text")
        source = pattern.value
        if node.func.attr in ("match", "fullmatch"): source = f"^(?:{source})"
        if node.func.attr == "fullmatch": source += "$"
        print(json.dumps({"source": source, "flags": "", "where": f"{file}:{node.lineno}"}))
`

async function pythonPatterns(): Promise<Found[]> {
  const files = globSync('odoo_addons/**/*.py', { cwd: root }).filter(file => !file.split(path.sep).includes('tests'))
  const { stdout } = await run('python3', ['-c', readPython, ...files], { cwd: root })
  return parseLines(stdout)
}

function parseLines(text: string): Found[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Found)
}
