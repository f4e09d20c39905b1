import type { Authentication, OneByStr, RequestTemplate, SourceDescription } from './description.ts'
import type { HttpCall } from './http.ts'
import { endpoint } from './options.ts'
import { isLink, linkOf, placeValues } from './paging.ts'
import { fillJson, fillParameters, fillPath, type Values } from './template.ts'
import type { KkiQuery, PageQuery, StrQuery } from './types.ts'
import { windowValues } from './window.ts'

/** A request without credentials and ids. */
export type BareRequest = Pick<HttpCall, 'method' | 'url' | 'route' | 'body'> & { headers: Record<string, string> }

/** Returns a function that builds the request for a query; `null` for an STR that cannot be part of a path. */
export function compileRequests(description: SourceDescription, baseUrl: URL): (query: KkiQuery) => BareRequest | null {
  const { request, oneByStr, paging } = description

  function listRequest(query: PageQuery): BareRequest | null {
    if (isLink(paging) && query.cursor !== undefined) {
      const headers = { accept: 'application/json', ...lowered(request.headers) }
      return { method: 'GET', url: linkOf(query.cursor, baseUrl), route: request.path, headers }
    }
    const values = {
      profession: query.profession,
      pageSize: query.limit,
      ...windowValues(description, query),
      ...placeValues(paging, query.cursor, query.limit)
    }
    return fill(request, values)
  }

  function recordRequest({ strNumber }: StrQuery): BareRequest | null {
    return oneByStr === null ? null : fill(oneByStr, { strNumber })
  }

  function fill(template: RequestTemplate | OneByStr, values: Values): BareRequest | null {
    const path = fillPath(template.path, values)
    if (path === null) return null
    const url = endpoint(baseUrl, path)
    for (const [name, value] of fillParameters(template.query ?? {}, values)) url.searchParams.append(name, value)
    const { body, headers } = bodyOf(template, values)
    return {
      method: template.method ?? 'GET',
      url,
      route: template.path,
      headers: { accept: 'application/json', ...lowered(template.headers), ...headers },
      ...(body !== undefined && { body })
    }
  }

  return query => ('strNumber' in query ? recordRequest(query) : listRequest(query))
}

/** Returns the body from a template, and its content type. */
export function bodyOf(
  { json, form }: Pick<RequestTemplate, 'json' | 'form'>,
  values: Values
): { body?: string; headers: Record<string, string> } {
  if (json !== undefined) {
    return { body: JSON.stringify(fillJson(json, values)), headers: { 'content-type': 'application/json' } }
  }
  if (form === undefined) return { headers: {} }
  return {
    body: new URLSearchParams(fillParameters(form, values)).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' }
  }
}

/** Adds the credentials to a request. */
export function carry(authentication: Authentication, value: string, { url, headers }: BareRequest): void {
  switch (authentication.type) {
    case 'oauth2':
    case 'bearer':
      headers.authorization = `Bearer ${value}`
      return
    case 'basic':
      headers.authorization = `Basic ${value}`
      return
    case 'none':
      return
    default: {
      const { name, prefix = '' } = authentication
      if (authentication.in === 'query') url.searchParams.set(name, value)
      else headers[name.toLowerCase()] = prefix + value
    }
  }
}

function lowered(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
