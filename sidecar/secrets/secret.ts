import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { findUnportable } from '../platform/portable-text.ts'
import { SecretNameInvalid } from './errors.ts'

const secretSchema = Compile(Type.Record(Type.String(), Type.String()))

/** Returns whether a value has the form of a secret: an object of texts that are valid in headers and XML. */
export function isSecret(value: unknown): value is Record<string, string> {
  return secretSchema.Check(value) && findUnportable(value) === null
}

/** Accepts a name that every store supports. @throws SecretNameInvalid */
export function checkName(name: string): void {
  if (!/^[a-z0-9-]+$/.test(name)) throw new SecretNameInvalid()
}
