import { AjvCompiler, type BuildCompilerFromPool } from '@fastify/ajv-compiler'
import type { FastifyServerOptions } from 'fastify'

const build: BuildCompilerFromPool = AjvCompiler()
// By default a field that a closed schema does not list would vanish without a word, a misspelt one too.
const options = { removeAdditional: false, useDefaults: true } as const

/**
 * How requests are checked, for Fastify. Text of a query, a path or a header becomes the number that its schema asks for.
 * In a body types count: `false` is no text, and `"false"` no switch.
 */
export const validation = {
  schemaController: {
    compilersFactory: {
      buildValidator(externalSchemas) {
        const ofText = build(externalSchemas, { customOptions: { ...options, coerceTypes: 'array' } })
        const ofBodies = build(externalSchemas, { customOptions: { ...options, coerceTypes: false } })
        return route => (route.httpPart === 'body' ? ofBodies : ofText)(route)
      }
    }
  }
} as const satisfies FastifyServerOptions
