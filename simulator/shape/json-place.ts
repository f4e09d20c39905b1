import { tokensOf } from '../../sidecar/transform/field-source.ts'
import { SimulatorInputError } from '../errors.ts'

export type Json = Record<string, unknown>

/** Writes a value at a place of an object. */
export type Put = (target: Json, value: unknown) => void

const isIndex = (token: string | undefined) => token !== undefined && /^(0|[1-9]\d{0,3})$/.test(token)

/** Returns a function that writes at a JSON pointer. It creates missing parts of the path: lists for indexes, else objects. */
export function compilePut(pointer: string): Put {
  const tokens = tokensOf(pointer)
  const last = tokens.length - 1
  const key = tokens[last] ?? ''
  if (last === 0) {
    return (target, value) => {
      target[key] = value
    }
  }
  const makesList = tokens.map((_, at) => isIndex(tokens[at + 1]))
  return (target, value) => {
    let place = target
    for (let at = 0; at < last; at++) {
      const token = tokens[at] ?? ''
      let inner = place[token]
      if (inner === undefined) {
        inner = makesList[at] ? [] : {}
        place[token] = inner
      } else if (typeof inner !== 'object' || inner === null) {
        throw new SimulatorInputError(pointer, 'leads through a value that another part of the description writes')
      }
      place = inner as Json
    }
    place[key] = value
  }
}

/** Returns a function that reads the value at a JSON pointer. */
export function compileGet(pointer: string): (target: unknown) => unknown {
  const tokens = tokensOf(pointer)
  return target => {
    let value = target
    for (const token of tokens) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token)) return undefined
      value = (value as Json)[token]
    }
    return value
  }
}
