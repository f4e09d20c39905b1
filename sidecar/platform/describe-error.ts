import { SdmkError } from '../errors.ts'

/** What may be logged and stored of an error. */
export interface ErrorDescription {
  type: string
  /** Of our own errors alone. */
  message?: string
  code?: string | number
  /** What Node says of a failed system call, and PostgreSQL of our schema. */
  syscall?: string
  table?: string
  constraint?: string
  /** Where it was thrown: functions and places of code. */
  stack?: string
  cause?: ErrorDescription
  errors?: ErrorDescription[]
}

/** Causes and members that are described, and how deep. */
const mostDeep = 5

/**
 * Returns what may be logged and stored of an error. Messages of our own errors name nobody. A library's message may quote
 * whatever the library was given, so its class, code and place stand alone; so it is for the fields that drivers add.
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (typeof error !== 'object' || error === null) return { type: typeof error }
  const { message, code, syscall, table, constraint, stack, cause, errors } = error as Record<string, unknown>
  const type = word(error.constructor?.name) ?? 'Object'
  const isDeep = depth >= mostDeep
  return {
    type,
    ...(error instanceof SdmkError && { message: withoutSecrets(error.message) }),
    ...(typeof code === 'number' ? { code } : only('code', word(code, codeShape))),
    ...only('syscall', word(syscall)),
    ...only('table', word(table)),
    ...only('constraint', word(constraint)),
    ...only('stack', framesOf(stack, message)),
    ...(cause !== undefined && !isDeep && { cause: describeError(cause, depth + 1) }),
    ...(Array.isArray(errors) &&
      !isDeep && { errors: errors.slice(0, mostDeep).map(member => describeError(member, depth + 1)) })
  }
}

/** Returns an error in one line: our own text, or the class and code of another's. */
export function summarizeError(error: unknown): string {
  const { type, message, code } = describeError(error)
  return message?.split('\n', 1)[0] ?? (code === undefined ? type : `${type} (${code})`)
}

/** An error as it may be given to a library that stores what it is given. */
export class StorableError extends Error {
  constructor(error: unknown) {
    super(summarizeError(error))
    this.name = describeError(error).type
    this.stack = describeError(error).stack ?? ''
  }
}

function only<K extends string>(key: K, value: string | undefined) {
  return value === undefined ? undefined : ({ [key]: value } as Record<K, string>)
}

/** Codes and identifiers are one word; anything else is text that may hold anything. */
function word(value: unknown, shape = /^[A-Za-z_][\w$]{0,63}$/): string | undefined {
  return typeof value === 'string' && shape.test(value) ? value : undefined
}

const codeShape = /^[A-Z0-9_]{1,64}$/

/** A frame names a place of code. The lines before the frames repeat the message. */
const frame = /^ {4}at (?:[^()]+ \()?(?:(?:file:\/\/|node:|\/|[A-Z]:\\).*:\d+:\d+|<anonymous>|native)\)?$/

function framesOf(stack: unknown, message: unknown): string | undefined {
  if (typeof stack !== 'string') return undefined
  // A message that spans lines could look like frames. It may also have changed since the stack was made.
  const quoted = typeof message === 'string' ? stack.indexOf(message) : -1
  const lines = (quoted < 0 ? stack : stack.slice(quoted + String(message).length)).split('\n')
  const end = lines.findLastIndex(line => line !== '' && !frame.test(line) && !otherFrame.test(line))
  const frames = lines.slice(end + 1).filter(line => frame.test(line))
  return frames.length === 0 ? undefined : frames.join('\n')
}

/** Frames without a place, such as `at async Promise.all (index 0)`. */
const otherFrame = /^ {4}at (?:async )?[\w.$<>]+ \(index \d+\)$/

/** A net below the rule that our own messages hold no value. */
function withoutSecrets(text: string): string {
  return text
    .replace(/\b(Bearer|Basic) [^\s"']+/gi, '$1 [redacted]')
    .replace(/(\/\/)[^\s/@]+@/g, '$1[redacted]@')
    .replace(/\b\d{16}\b/g, '[redacted]')
}
