import { closest } from './closest.ts'
import { counted } from './plural.ts'

/** The parts of a JSON schema that `findSchemaFault` reads. */
interface Schema {
  type?: string
  description?: string
  const?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  items?: Schema
  minItems?: number
  maxItems?: number
  properties?: Record<string, Schema>
  required?: string[]
  minProperties?: number
  additionalProperties?: boolean | Schema
  patternProperties?: Record<string, Schema>
}

export interface SchemaFault {
  /** JSON pointer; empty for the whole value. */
  path: string
  /** Describes the expected value. */
  expected: string
}

/**
 * Returns the first place where a value violates a schema, and the expected value; `null` if it finds none.
 *
 * A validator reports a failed union as "must match a schema in anyOf". This reports the alternative that was meant: the
 * one whose constant members match, or whose members are most similar to the given ones.
 */
export function findSchemaFault(schema: object, value: unknown, path = ''): SchemaFault | null {
  const rules = schema as Schema
  if (rules.anyOf) return findUnionFault(rules, rules.anyOf, value, path)
  if ('const' in rules) return value === rules.const ? null : { path, expected: `must be ${show(rules.const)}` }
  if (rules.enum) {
    return rules.enum.includes(value)
      ? null
      : { path, expected: `must be one of: ${rules.enum.map(word => String(word)).join(', ')}` }
  }
  switch (rules.type) {
    case 'object':
      return findObjectFault(rules, value, path)
    case 'array':
      return findArrayFault(rules, value, path)
    case 'string':
      return findStringFault(rules, value, path)
    case 'integer':
    case 'number':
      return findNumberFault(rules, value, path)
    case 'boolean':
      return typeof value === 'boolean' ? null : { path, expected: 'must be true or false' }
    case 'null':
      return value === null ? null : { path, expected: 'must be null' }
    default:
      return null
  }
}

function findUnionFault(rules: Schema, alternatives: Schema[], value: unknown, path: string): SchemaFault | null {
  const faults = alternatives.map(alternative => findSchemaFault(alternative, value, path))
  if (faults.includes(null)) return null
  const fitting = alternatives.filter(alternative => isOfType(alternative, value))
  if (fitting.length === 0) return { path, expected: `must be ${rules.description ?? listTypes(alternatives)}` }
  if (!isRecord(value)) return findSchemaFault(fitting[0] as Schema, value, path)
  const named = constantMember(fitting)
  if (named !== null) {
    const chosen = fitting.find(({ properties }) => properties?.[named]?.const === value[named])
    if (chosen) return findSchemaFault(chosen, value, path)
    const words = fitting.map(({ properties }) => show(properties?.[named]?.const)).join(', ')
    return { path: join(path, named), expected: `must be one of: ${words}` }
  }
  const [likeliest] = fitting.toSorted((a, b) => likeness(b, value) - likeness(a, value))
  return findSchemaFault(likeliest as Schema, value, path)
}

/** The member whose constant distinguishes the alternatives, such as `type`. */
function constantMember(alternatives: Schema[]): string | null {
  const [first] = alternatives
  const names = Object.keys(first?.properties ?? {})
  const isConstant = (name: string) => alternatives.every(({ properties }) => 'const' in (properties?.[name] ?? {}))
  return alternatives.length > 1 ? (names.find(isConstant) ?? null) : null
}

function likeness({ properties = {}, required = [] }: Schema, value: Record<string, unknown>): number {
  const shared = Object.keys(value).filter(name => Object.hasOwn(properties, name)).length
  return shared * 2 - required.filter(name => !Object.hasOwn(value, name)).length
}

function findObjectFault(rules: Schema, value: unknown, path: string): SchemaFault | null {
  if (!isRecord(value)) return { path, expected: 'must be an object' }
  const { properties = {}, required = [], additionalProperties } = rules
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(properties, name) || rules.patternProperties || additionalProperties !== false) continue
    const known = Object.keys(properties)
    const nearest = closest(name, known)
    const hint = nearest === null ? `known here: ${known.join(', ')}` : `did you mean ${nearest}?`
    return { path: join(path, name), expected: `is not known; ${hint}` }
  }
  for (const name of required) {
    if (!Object.hasOwn(value, name)) return { path: join(path, name), expected: 'is required' }
  }
  if (Object.keys(value).length < (rules.minProperties ?? 0)) return { path, expected: 'must not be empty' }
  for (const [name, item] of Object.entries(value)) {
    const schema = memberSchema(rules, name)
    if (schema === null && rules.patternProperties && additionalProperties === false) {
      return { path: join(path, name), expected: 'is not a valid name here' }
    }
    const fault = schema === null ? null : findSchemaFault(schema, item, join(path, name))
    if (fault !== null) return fault
  }
  return null
}

function memberSchema({ properties = {}, patternProperties = {}, additionalProperties }: Schema, name: string) {
  if (Object.hasOwn(properties, name)) return properties[name] as Schema
  const [, ofPattern] = Object.entries(patternProperties).find(([pattern]) => new RegExp(pattern, 'u').test(name)) ?? []
  return ofPattern ?? (typeof additionalProperties === 'object' ? additionalProperties : null)
}

function findArrayFault({ items, minItems = 0, maxItems }: Schema, value: unknown, path: string): SchemaFault | null {
  if (!Array.isArray(value)) return { path, expected: 'must be a list' }
  if (value.length < minItems) return { path, expected: `must have ${counted(minItems, 'entry', 'entries')} or more` }
  if (maxItems !== undefined && value.length > maxItems) {
    return { path, expected: `must have ${counted(maxItems, 'entry', 'entries')} or fewer` }
  }
  if (items === undefined) return null
  for (const [index, item] of value.entries()) {
    const fault = findSchemaFault(items, item, `${path}/${index}`)
    if (fault !== null) return fault
  }
  return null
}

function findStringFault(rules: Schema, value: unknown, path: string): SchemaFault | null {
  const { pattern, description, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = rules
  if (typeof value !== 'string') return { path, expected: `must be ${description ?? 'a text'}` }
  if (value.length < minLength) return { path, expected: 'must not be empty' }
  if (value.length > maxLength) return { path, expected: `must have ${counted(maxLength, 'character')} or fewer` }
  if (pattern === undefined || new RegExp(pattern, 'u').test(value)) return null
  return { path, expected: `must be ${description ?? `of the form ${pattern}`}` }
}

function findNumberFault({ type, minimum, maximum }: Schema, value: unknown, path: string): SchemaFault | null {
  const isRight = type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)
  const isInside = (value as number) >= (minimum ?? -Infinity) && (value as number) <= (maximum ?? Infinity)
  if (isRight && isInside) return null
  const kind = type === 'integer' ? 'a whole number' : 'a number'
  const range = minimum === undefined || maximum === undefined ? '' : ` from ${minimum} to ${maximum}`
  return { path, expected: `must be ${kind}${range}` }
}

function isOfType(schema: Schema, value: unknown): boolean {
  if (schema.anyOf) return schema.anyOf.some(alternative => isOfType(alternative, value))
  if (schema.type === undefined) return schema.enum?.includes(value) ?? ('const' in schema && schema.const === value)
  if (Array.isArray(value)) return schema.type === 'array'
  if (isRecord(value)) return schema.type === 'object'
  if (typeof value === 'number') return schema.type === 'number' || schema.type === 'integer'
  return schema.type === (value === null ? 'null' : typeof value)
}

function listTypes(alternatives: Schema[]): string {
  const words: Record<string, string> = { object: 'an object', array: 'a list', string: 'a text' }
  const types = alternatives.map(({ type = '' }) => words[type] ?? `a ${type}`)
  return [...new Set(types)].join(' or ')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function join(path: string, name: string): string {
  return `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
