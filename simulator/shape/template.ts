import { isDeepStrictEqual } from 'node:util'
import { SimulatorInputError } from '../errors.ts'

/** The value of each placeholder of a description in a request. */
export type Asked = { [placeholder: string]: string | undefined }

/** The parts of a request that a description can describe. */
export interface ReceivedRequest {
  query: URLSearchParams
  /** The names are in lower case. */
  headers: Readonly<Record<string, unknown>>
  body: unknown
}

/** Reads one text by its template; null if it does not match. */
type TextReader = (text: string) => Asked | null

/** The part of a description about one request. */
interface RequestTemplate {
  query?: Readonly<Record<string, string | readonly string[]>>
  headers?: Readonly<Record<string, string>>
  json?: Readonly<Record<string, unknown>>
  form?: Readonly<Record<string, string>>
}

const placeholder = /\{([A-Za-z]+)\}/
/** In a JSON body, a value that is only one of these placeholders is a number. */
const numbers = /^\{(page|offset|pageSize)\}$/

/**
 * Returns a reader for one kind of request. A parameter whose template has a placeholder is optional; a constant one is
 * required.
 * @throws SimulatorInputError, which names the parameter
 */
export function compileRequest(template: RequestTemplate): (request: ReceivedRequest) => Asked {
  const query = compileParameters(template.query ?? {})
  const form = template.form && compileParameters(template.form)
  const headers = Object.entries(template.headers ?? {})
  return ({ query: given, headers: sent, body }) => {
    for (const [name, value] of headers) {
      if (sent[name.toLowerCase()] !== value) throw new SimulatorInputError(name, `must be ${value}, as a header`)
    }
    const asked = query(given)
    if (form !== undefined) {
      if (!(body instanceof URLSearchParams)) throw new SimulatorInputError('the body', 'must be a form')
      Object.assign(asked, form(body))
    }
    if (template.json !== undefined) readJson(template.json, body, 'the body', asked)
    return asked
  }
}

/** Returns a reader for a text with a template such as `ge{since}`; each placeholder matches as few characters as possible. */
export function compileText(template: string): TextReader {
  const parts = template.split(placeholder)
  const names = parts.filter((_, at) => at % 2 === 1)
  const source = parts.map((part, at) => (at % 2 === 1 ? '(.+?)' : RegExp.escape(part))).join('')
  const pattern = new RegExp(`^${source}$`, 's')
  return text => {
    const match = pattern.exec(text)
    return match && Object.fromEntries(names.map((name, at) => [name, match[at + 1]]))
  }
}

function compileParameters(templates: Readonly<Record<string, string | readonly string[]>>) {
  const parameters = Object.entries(templates).map(([name, list]) => ({
    name,
    texts: [list]
      .flat()
      .map(template => ({ template, read: compileText(template), isOpen: placeholder.test(template) }))
  }))
  return (given: URLSearchParams): Asked => {
    const asked: Asked = {}
    for (const { name, texts } of parameters) {
      const values = given.getAll(name)
      for (const { template, read, isOpen } of texts) {
        const at = values.findIndex(value => read(value) !== null)
        if (at < 0 && !isOpen) throw new SimulatorInputError(name, `must be ${template}`)
        if (at >= 0) Object.assign(asked, read(values.splice(at, 1)[0] ?? ''))
      }
      if (values.length > 0) throw new SimulatorInputError(name, 'has a value that the description does not send')
    }
    return asked
  }
}

function readJson(template: unknown, value: unknown, name: string, asked: Asked): void {
  if (typeof template === 'string') {
    readJsonText(template, value, name, asked)
    return
  }
  if (Array.isArray(template)) {
    const items = Array.isArray(value) ? [...value] : []
    // Items without a value are omitted, so that later ones move to the front.
    for (const item of template) {
      if (!isOpen(item) || fits(item, items[0], name)) readJson(item, items.shift(), name, asked)
    }
    if (items.length > 0) throw new SimulatorInputError(name, 'has an item that the description does not send')
    return
  }
  if (typeof template !== 'object' || template === null) {
    if (!isDeepStrictEqual(template, value)) throw new SimulatorInputError(name, `must be ${JSON.stringify(template)}`)
    return
  }
  if (typeof value !== 'object' || value === null) throw new SimulatorInputError(name, 'must be an object')
  for (const [key, item] of Object.entries(template)) {
    readJson(item, Object.hasOwn(value, key) ? (value as Asked)[key] : undefined, key, asked)
  }
}

function readJsonText(template: string, value: unknown, name: string, asked: Asked): void {
  const [, number] = numbers.exec(template) ?? []
  if (value === undefined && placeholder.test(template)) return
  if (number !== undefined) {
    if (typeof value !== 'number') throw new SimulatorInputError(name, 'must be a number')
    asked[number] = String(value)
    return
  }
  const read = typeof value === 'string' ? compileText(template)(value) : null
  if (read === null) throw new SimulatorInputError(name, `must be a text such as ${template}`)
  Object.assign(asked, read)
}

function isOpen(template: unknown): boolean {
  return typeof template === 'string' && placeholder.test(template)
}

function fits(template: unknown, value: unknown, name: string): boolean {
  if (value === undefined) return false
  try {
    readJson(template, value, name, {})
    return true
  } catch {
    return false
  }
}
