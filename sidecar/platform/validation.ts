import { AjvCompiler, type BuildCompilerFromPool } from '@fastify/ajv-compiler'
import type { FastifyServerOptions } from 'fastify'
import { parseInstant } from './instant.ts'

const build: BuildCompilerFromPool = AjvCompiler()
// By default a field that a closed schema does not list would vanish without a word, a misspelt one too.
const options = { removeAdditional: false, useDefaults: true } as const

/** The default accepts leap seconds and offsets without minutes, which `Date` cannot read. */
const onCreate: NonNullable<Parameters<BuildCompilerFromPool>[1]>['onCreate'] = ajv => {
  ajv.addFormat('date-time', (text: string) => parseInstant(text) !== null)
}

type Compiler = ReturnType<BuildCompilerFromPool>

/**
 * How requests are checked, for Fastify. Text of a query, a path or a header becomes the number that its schema asks for.
 * In a body types count: `false` is no text, and `"false"` no switch.
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
 * The validator itself takes whatever `Number` does: `0x10`, `1e3`, ` 5`. It compares no bounds with the infinity that
 * hundreds of digits become.
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
