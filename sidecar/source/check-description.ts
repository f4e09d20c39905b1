import { findFormatFault, findTableFault } from '../transform/check-tables.ts'
import { epochFormats } from '../transform/date-format.ts'
import { type FieldSource, findUnsafeToken, pointersOf } from '../transform/field-source.ts'
import type { Authentication, Paging, SourceDescription } from './description.ts'
import { hasLooseBrace, type Placeholder, placeholders, placeholdersIn } from './template.ts'
import { isWindowFormat } from './window-format.ts'

/** A setting of the description cannot work, or has no effect. `path` is a JSON pointer into its file. */
export class DescriptionFault extends Error {
  readonly path: string

  constructor(path: string, expected: string) {
    super(expected)
    this.path = path
  }
}

/**
 * Checks rules that the schema cannot express: the parts of a description match, every setting has an effect, and the tables
 * are unambiguous.
 * @throws DescriptionFault for the first fault
 */
export function checkDescription(description: SourceDescription): void {
  checkAuthentication(description)
  checkRequest(description)
  checkWindow(description)
  checkPaging(description)
  checkAnswer(description)
  checkOneByStr(description)
  checkPageSize(description)
  checkPagesAtOnce(description)
  checkPointers(description)
  checkFields(description)
  checkDates(description)
  const table = findTableFault(description.tables)
  if (table) throw new DescriptionFault(`/tables${table.path}`, table.reason)
}

function fail(path: string, expected: string): never {
  throw new DescriptionFault(path, expected)
}

const hopHeaders = new Set([
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'accept-encoding',
  'traceparent',
  'user-agent',
  'x-request-id'
])

/** Checks the templates of one request: braces, known names, and only placeholders with a value there. */
function checkTemplates(path: string, template: unknown, allowed: readonly Placeholder[]): void {
  if (typeof template === 'string') {
    if (hasLooseBrace(template)) fail(path, 'has a brace that belongs to no placeholder')
    for (const name of placeholdersIn(template)) {
      if (!(placeholders as readonly string[]).includes(name) || !allowed.includes(name as Placeholder)) {
        const names = allowed.map(one => `{${one}}`).join(', ')
        fail(path, `{${name}} is not a placeholder here${names === '' ? '' : `; there are ${names}`}`)
      }
    }
  } else if (typeof template === 'object' && template !== null) {
    for (const [name, item] of Object.entries(template)) checkTemplates(`${path}/${escapeToken(name)}`, item, allowed)
  }
}

function checkPath(path: string, template: string, allowed: readonly Placeholder[]): void {
  checkTemplates(path, template, allowed)
  const plain = template.replaceAll(/\{[A-Za-z]+\}/g, 'x')
  if (/[{}\\]/.test(plain) || new URL(plain, 'http://host').pathname !== plain) {
    fail(path, 'must be a path in its sent form: no "." or ".." segment, other characters percent-encoded')
  }
}

function checkAuthentication({ authentication, request }: SourceDescription): void {
  const at = '/authentication'
  if (authentication.type === 'oauth2') {
    checkPath(`${at}/path`, authentication.path, [])
    checkTemplates(`${at}/parameters`, authentication.parameters, [])
    for (const name of ['client_id', 'client_secret', 'grant_type', 'refresh_token']) {
      if (Object.hasOwn(authentication.parameters ?? {}, name)) fail(`${at}/parameters/${name}`, 'is always sent')
    }
  }
  if (authentication.type === 'session') {
    checkPath(`${at}/path`, authentication.path, [])
    if ((authentication.json === undefined) === (authentication.form === undefined)) {
      fail(at, 'needs the login body as json or as form')
    }
    const body = authentication.json === undefined ? 'form' : 'json'
    checkTemplates(`${at}/${body}`, authentication[body], ['username', 'password'])
    if (!placeholdersIn(authentication[body]).includes('password')) {
      fail(`${at}/${body}`, 'must contain {password}, which comes from the secret')
    }
  }
  checkCarrier(authentication, Object.keys(request.query ?? {}), Object.keys(request.headers ?? {}))
}

function checkCarrier(authentication: Authentication, queryNames: string[], headerNames: string[]): void {
  if (authentication.type !== 'session' && authentication.type !== 'api_key') return
  const { in: place, name, prefix } = authentication
  if (place === 'query') {
    if (prefix !== undefined) fail('/authentication/prefix', 'has no effect in the address')
    if (queryNames.includes(name)) fail(`/request/query/${escapeToken(name)}`, 'is the parameter of the authentication')
    return
  }
  const lower = name.toLowerCase()
  if (lower !== 'authorization' && hopHeaders.has(lower)) fail('/authentication/name', 'is a header of HTTP itself')
  const twice = headerNames.find(header => header.toLowerCase() === lower)
  if (twice !== undefined) fail(`/request/headers/${escapeToken(twice)}`, 'is the header of the authentication')
}

interface AnyRequest {
  method?: string
  query?: unknown
  headers?: Record<string, string>
  json?: unknown
  form?: unknown
}

function checkBody(at: string, { method = 'GET', headers = {}, json, form }: AnyRequest): void {
  for (const name of Object.keys(headers)) {
    if (hopHeaders.has(name.toLowerCase())) {
      fail(
        `${at}/headers/${escapeToken(name)}`,
        'cannot be set here: it is sent by HTTP, by the authentication or by the client'
      )
    }
  }
  const body = json === undefined ? 'form' : 'json'
  if (json !== undefined && form !== undefined) fail(`${at}/form`, 'cannot be used together with json')
  if (method === 'GET' && (json !== undefined || form !== undefined)) fail(`${at}/${body}`, 'needs method POST')
}

const placeholderOfPaging: Record<Paging['type'], Placeholder | null> = {
  cursor: 'cursor',
  page_number: 'page',
  offset: 'offset',
  json_link: null,
  header_link: null,
  single_page: null
}

function checkRequest({ request, paging }: SourceDescription): void {
  const place = placeholderOfPaging[paging.type]
  const counted: Placeholder[] = place === 'page' || place === 'offset' ? [place] : []
  checkPath('/request/path', request.path, ['pageSize', ...counted])
  const allowed: Placeholder[] = ['since', 'until', 'profession', 'pageSize', ...(place === null ? [] : [place])]
  checkTemplates('/request/query', request.query, allowed)
  checkTemplates('/request/json', request.json, allowed)
  checkTemplates('/request/form', request.form, allowed)
  checkBody('/request', request)
  if (place !== null && !used(request).includes(place)) {
    fail('/request', `must contain {${place}}, which paging of the type ${paging.type} needs`)
  }
  if (paging.type.endsWith('_link') && request.method === 'POST') {
    fail('/request/method', `must be GET: paging of the type ${paging.type} follows addresses`)
  }
}

function used({
  path,
  query,
  json,
  form
}: {
  path: string
  query?: unknown
  json?: unknown
  form?: unknown
}): string[] {
  return [path, query, json, form].flatMap(placeholdersIn)
}

function checkWindow({ request }: SourceDescription): void {
  const names = used(request)
  const { window } = request
  for (const bound of ['since', 'until'] as const) {
    if (names.includes(bound) && window?.[bound] === undefined) {
      fail(`/request/window/${bound}`, `is required with {${bound}}: inclusive or exclusive`)
    }
    if (!names.includes(bound) && window?.[bound] !== undefined) {
      fail(`/request/window/${bound}`, `has no effect without {${bound}} in the request`)
    }
  }
  if (window === undefined) return
  if (!names.includes('since') && !names.includes('until')) {
    fail('/request/window', 'has no effect without {since} or {until} in the request')
  }
  if (!isWindowFormat(window.format)) {
    fail(
      '/request/window/format',
      'must be instant, epochSeconds, epochMilliseconds, or a pattern with YYYY, MM and DD once each, then HH, HH and mm, or HH, mm and ss'
    )
  }
  const isPattern = window.format.includes('YYYY')
  if (isPattern && window.zone === undefined) fail('/request/window/zone', 'is required with a pattern')
  if (!isPattern && window.zone !== undefined)
    fail('/request/window/zone', `has no effect with the format ${window.format}`)
}

function checkPaging({ paging }: SourceDescription): void {
  if ('next' in paging && typeof paging.next === 'object' && 'constant' in paging.next) {
    fail('/paging/next', 'must be in the answer')
  }
  const isAlwaysOptional = 'next' in paging && typeof paging.next === 'object' && !isPlain(paging.next)
  if (isAlwaysOptional && paging.nextMayBe?.includes('absent')) {
    fail(
      '/paging/nextMayBe',
      'has no effect: an element that is not in its list, or the first of several, may be absent'
    )
  }
}

function isPlain(source: object): boolean {
  return 'at' in source && !('list' in source)
}

function checkAnswer({ answer, authentication, fields }: SourceDescription): void {
  for (const [index, fault] of (answer.faults ?? []).entries()) {
    if (fault.means === 'tokenDenied' && authentication.type === 'none') {
      fail(`/answer/faults/${index}/means`, 'has no effect without authentication')
    }
  }
  const { registrations } = answer
  if (registrations === undefined) return
  const below = `${registrations.list}/`
  if (!Object.values(fields).some(source => pointersOf(source).some(pointer => pointer.startsWith(below)))) {
    fail('/answer/registrations', `has no effect: no field is below ${registrations.list}`)
  }
}

function checkOneByStr({ oneByStr }: SourceDescription): void {
  if (oneByStr === null) return
  const at = '/oneByStr'
  checkPath(`${at}/path`, oneByStr.path, ['strNumber'])
  for (const part of ['query', 'json', 'form'] as const) checkTemplates(`${at}/${part}`, oneByStr[part], ['strNumber'])
  checkBody(at, oneByStr)
  if (!used(oneByStr).includes('strNumber')) fail(at, 'must contain {strNumber}')
  if (oneByStr.rows !== undefined && oneByStr.record !== undefined)
    fail(`${at}/record`, 'cannot be used together with rows')
}

function checkPageSize({ request, limits }: SourceDescription): void {
  const isAsked = used(request).includes('pageSize')
  if (isAsked && limits.pageSize === undefined) fail('/limits/pageSize', 'is required with {pageSize}')
  if (!isAsked && limits.pageSize !== undefined) {
    fail('/limits/pageSize', 'has no effect without {pageSize} in the request')
  }
}

function checkPagesAtOnce({ paging, limits }: SourceDescription): void {
  if (limits.pagesAtOnce === undefined || paging.type === 'offset') return
  fail(
    '/limits/pagesAtOnce',
    `has no effect with paging of the type ${paging.type}: only pages by offset are requested concurrently`
  )
}

/** Members that every object inherits are not part of an answer. */
function checkPointers({ authentication, paging, answer, clock, oneByStr, fields }: SourceDescription): void {
  const check = (path: string, pointers: readonly (string | undefined)[]) => {
    for (const pointer of pointers) {
      const token = pointer === undefined ? null : findUnsafeToken(pointer)
      if (token !== null) fail(path, `names ${token}, which every object has`)
    }
  }
  if ('token' in authentication || 'expiresIn' in authentication) {
    check('/authentication', [authentication.token, authentication.expiresIn])
  }
  if ('next' in paging) check('/paging/next', pointersOf(paging.next))
  if ('hasMore' in paging) check('/paging/hasMore', [paging.hasMore])
  if ('lastPage' in paging) check('/paging/lastPage', [paging.lastPage])
  check('/answer', [answer.rows, answer.total, answer.registrations?.list, ...(answer.errors ?? [])])
  check('/answer/registrations/where', Object.keys(answer.registrations?.where ?? {}))
  for (const [index, fault] of (answer.faults ?? []).entries()) {
    if ('at' in fault) check(`/answer/faults/${index}/at`, [fault.at])
  }
  if (clock.from === 'field') check('/clock/at', [clock.at])
  check('/oneByStr', [oneByStr?.rows, oneByStr?.record])
  for (const [name, source] of Object.entries(fields)) check(`/fields/${name}`, pointersOf(source))
}

function checkFields({ fields }: SourceDescription): void {
  const seen = new Set<string>()
  for (const [name, source] of Object.entries(fields) as [string, FieldSource][]) {
    if (typeof source === 'object' && 'constant' in source) continue
    const key = JSON.stringify(source)
    if (seen.has(key)) fail(`/fields/${name}`, 'another field has the same source')
    seen.add(key)
  }
}

const dateFields = ['birthDate', 'issuedOn', 'validUntil', 'changedAt'] as const

function checkDates({ fields, dates, clock }: SourceDescription): void {
  for (const name of dateFields) {
    const path = `/dates/formats/${name}`
    const formats = dates.formats[name]
    if (fields[name] !== undefined && formats === undefined) fail(path, 'is required: the field is described')
    if (fields[name] === undefined && formats !== undefined) fail(path, 'has no effect: the field is not described')
    const fault = findFormatFault(formats ?? [])
    if (fault) fail(`${path}${fault.path}`, fault.reason)
  }
  if (clock.from === 'field') {
    const fault = findFormatFault([clock.format])
    if (fault) fail('/clock/format', fault.reason)
    const isTime = clock.format === 'instant' || epochFormats.includes(clock.format) || /HH/.test(clock.format)
    if (!isTime) fail('/clock/format', 'must contain the time of day')
  }
}

function escapeToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
