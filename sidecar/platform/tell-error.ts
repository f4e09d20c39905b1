import { describeError } from './describe-error.ts'

/** Returns an unexpected error in a few words without its message: its class or code, and its place in our own code. */
export function tellError(error: unknown): string {
  const { type, code, stack } = describeError(error)
  const [, place] = /\/(sidecar(?:\/[\w.-]+){1,5}\.ts:\d+):\d+\)?$/m.exec(stack ?? '') ?? []
  return `${type}${code === undefined ? '' : ` ${code}`}${place === undefined ? '' : ` at ${place}`}`
}
