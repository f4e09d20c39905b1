import { SdmkError } from '../errors.ts'

/** The parts of an error that may be logged and stored. */
export interface ErrorDescription {
  type: string
  /** Only for our own errors. */
  message?: string
  code?: string | number
  /** Details of a failed system call from Node, and names in our schema from PostgreSQL. */
  syscall?: string
  table?: string
  constraint?: string
  /** The stack without the message: functions and places in the code. */
  stack?: string
  cause?: ErrorDescription
  errors?: ErrorDescription[]
}

/** The number of causes and members that are described, and the depth. */
const mostDeep = 5

/**
 * Returns the parts of an error that may be logged and stored. Messages of our own errors contain no personal data. A
 * library's message may quote any input, so only its class, code and place are kept; the same holds for fields of drivers.
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

/** Returns an error in one line: our own message, or the class and code of another error. */
export function summarizeError(error: unknown): string {
  const { type, message, code } = describeError(error)
  return message?.split('\n', 1)[0] ?? (code === undefined ? type : `${type} (${code})`)
}

/** An error for a library that stores it, without the parts that may contain personal data. */
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

/** Codes and identifiers are one word; other text may contain personal data. */
function word(value: unknown, shape = /^[A-Za-z_][\w$]{0,63}$/): string | undefined {
  return typeof value === 'string' && shape.test(value) ? value : undefined
}

const codeShape = /^[A-Z0-9_]{1,64}$/

/** A frame names a place of code. The lines before the frames repeat the message. */
const frame = /^ {4}at (?:[^()]+ \()?(?:(?:file:\/\/|node:|\/|[A-Z]:\\).*:\d+:\d+|<anonymous>|native)\)?$/

function framesOf(stack: unknown, message: unknown): string | undefined {
  if (typeof stack !== 'string') return undefined
  // A message that spans lines could look like frames. It may also have changed since the stack was recorded.
  const quoted = typeof message === 'string' ? stack.indexOf(message) : -1
  const lines = (quoted < 0 ? stack : stack.slice(quoted + String(message).length)).split('\n')
  const end = lines.findLastIndex(line => line !== '' && !frame.test(line) && !otherFrame.test(line))
  const frames = lines.slice(end + 1).filter(line => frame.test(line))
  return frames.length === 0 ? undefined : frames.join('\n')
}

/** Frames without a place, such as `at async Promise.all (index 0)`. */
const otherFrame = /^ {4}at (?:async )?[\w.$<>]+ \(index \d+\)$/

/** A safeguard, in case one of our own messages contains a value after all. */
function withoutSecrets(text: string): string {
  return text
    .replace(/\b(Bearer|Basic) [^\s"']+/gi, '$1 [redacted]')
    .replace(/(\/\/)[^\s/@]+@/g, '$1[redacted]@')
    .replace(/\b\d{16}\b/g, '[redacted]')
}
