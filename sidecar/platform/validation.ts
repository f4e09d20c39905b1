import { AjvCompiler, type BuildCompilerFromPool } from '@fastify/ajv-compiler'
import type { FastifyServerOptions } from 'fastify'
import { parseInstant } from './instant.ts'

const build: BuildCompilerFromPool = AjvCompiler()
// By default fields that a closed schema does not list, including misspelt ones, would be removed silently.
const options = { removeAdditional: false, useDefaults: true } as const

/** The default accepts leap seconds and offsets without minutes, which `Date` cannot read. */
const onCreate: NonNullable<Parameters<BuildCompilerFromPool>[1]>['onCreate'] = ajv => {
  ajv.addFormat('date-time', (text: string) => parseInstant(text) !== null)
}

type Compiler = ReturnType<BuildCompilerFromPool>

/**
 * Validation of requests, for Fastify. A text in a query, path or header is converted to the number that its schema
 * requires. In a body types count: `false` is not a text, and `"false"` not a boolean.
 */
export const validation = {
  schemaController: {
    compilersFactory: {
      buildValidator(externalSchemas) {
        const ofText = build(externalSchemas, { customOptions: { ...options, coerceTypes: 'array' }, onCreate })
        const ofBodies = build(externalSchemas, { customOptions: { ...options, coerceTypes: false }, onCreate })
        return route => (route.httpPart === 'body' ? ofBodies(route) : withPlainNumbers(ofText, route))
      }
    }
  }
} as const satisfies FastifyServerOptions

/**
 * The validator itself accepts everything that `Number` accepts: `0x10`, `1e3`, ` 5`. Hundreds of digits become infinity,
 * for which it checks no bounds.
 */
function withPlainNumbers(compile: Compiler, route: Parameters<Compiler>[0]): ReturnType<Compiler> {
  const validate = compile(route)
  const { properties = {} } = route.schema as { properties?: Record<string, { type?: unknown }> }
  const numbers = Object.keys(properties).filter(name => properties[name]?.type === 'integer')
  if (numbers.length === 0) return validate
  const check = (data: Record<string, unknown>): boolean => {
    const name = numbers.find(key => typeof data[key] === 'string' && !/^-?\d{1,20}$/.test(data[key]))
    const isValid = name === undefined && validate(data) === true
    check.errors =
      name === undefined
        ? validate.errors
        : [
            {
              instancePath: `/${name}`,
              keyword: 'type',
              params: {},
              message: 'must be a whole number in decimal digits'
            }
          ]
    return isValid
  }
  check.errors = undefined as unknown
  return check as unknown as ReturnType<Compiler>
}
