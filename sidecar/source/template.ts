/** The placeholders that a template may contain. */
export const placeholders = [
  'since',
  'until',
  'profession',
  'pageSize',
  'cursor',
  'page',
  'offset',
  'strNumber',
  'username',
  'password'
] as const

export type Placeholder = (typeof placeholders)[number]

/** The values of one request; a missing placeholder has no value. */
export type Values = { [Name in Placeholder]?: string | number | undefined }

const placeholder = /\{([A-Za-z]+)\}/g
/** In a JSON body these become numbers if the text consists only of the placeholder. */
const wholeNumber = /^\{(page|offset|pageSize)\}$/

/** Returns the names in braces of a template, known or not, and of every text of a JSON body. */
export function placeholdersIn(template: unknown): string[] {
  if (typeof template === 'string') return Array.from(template.matchAll(placeholder), ([, name = '']) => name)
  if (typeof template !== 'object' || template === null) return []
  return Object.values(template).flatMap(placeholdersIn)
}

/** Returns whether a text has a brace that belongs to no placeholder. */
export function hasLooseBrace(template: string): boolean {
  return /[{}]/.test(template.replaceAll(placeholder, ''))
}

/** Returns the text with its placeholders filled in; `null` if one of them has no value. */
export function fillText(template: string, values: Values): string | null {
  let isWhole = true
  const filled = template.replaceAll(placeholder, (_, name: Placeholder) => {
    const value = values[name]
    if (value === undefined) isWhole = false
    return String(value)
  })
  return isWhole ? filled : null
}

/**
 * Returns a path with its placeholders filled in, each value as one segment or a part of one. `null` if a segment would be
 * "." or "..", because URL parsers resolve those even if they are encoded.
 */
export function fillPath(template: string, values: Values): string | null {
  const segments = template
    .split('/')
    .map(segment =>
      segment.replaceAll(placeholder, (_, name: Placeholder) =>
        encodeURIComponent(String(values[name] ?? '').toWellFormed())
      )
    )
  return segments.some(segment => segment === '.' || segment === '..') ? null : segments.join('/')
}

/** Returns parameters with their placeholders filled in, without those that have no value. */
export function fillParameters(
  templates: Readonly<Record<string, string | readonly string[]>>,
  values: Values
): [name: string, value: string][] {
  const filled: [string, string][] = []
  for (const [name, template] of Object.entries(templates)) {
    for (const one of typeof template === 'string' ? [template] : template) {
      const value = fillText(one, values)
      if (value !== null) filled.push([name, value])
    }
  }
  return filled
}

/** Returns a JSON body with its placeholders filled in, without the members and entries that have no value. */
export function fillJson(template: unknown, values: Values): unknown {
  if (typeof template === 'string') {
    const [, name] = wholeNumber.exec(template) ?? []
    return name === undefined ? (fillText(template, values) ?? undefined) : values[name as Placeholder]
  }
  if (Array.isArray(template)) {
    return template.map(item => fillJson(item, values)).filter(item => item !== undefined)
  }
  if (typeof template !== 'object' || template === null) return template
  const filled: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(template)) {
    const value = fillJson(item, values)
    if (value !== undefined) filled[name] = value
  }
  return filled
}
