import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { findUnportable } from '../platform/portable-text.ts'
import { SecretNameInvalid } from './errors.ts'

const secretSchema = Compile(Type.Record(Type.String(), Type.String()))

/** Tells whether a value has the form of a secret: an object of texts that headers and XML can carry. */
export function isSecret(value: unknown): value is Record<string, string> {
  return secretSchema.Check(value) && findUnportable(value) === null
}

/** Returns nothing for a name that every store can keep a secret under. @throws SecretNameInvalid */
export function checkName(name: string): void {
  if (!/^[a-z0-9-]+$/.test(name)) throw new SecretNameInvalid()
}
