import pino, { type DestinationStream, type LogFn, type Logger } from 'pino'
import { describeError, summarizeError } from './describe-error.ts'
import { escapeUnprintable } from './printable-text.ts'
import { presentIds } from './tracing.ts'

/** Fields that must not be logged; if one is logged by mistake, its value is replaced. */
const personal = [
  ...['nik', 'nama', 'name', 'str', 'strNumber', 'str_number', 'nomor_str', 'login'],
  ...['birthDate', 'birth_date', 'tanggal_lahir', 'birthPlace', 'birth_place', 'tempat_lahir', 'raw']
]
const secret = [
  ...['authorization', 'access_token', 'accessToken', 'refresh_token', 'refreshToken', 'client_secret', 'clientSecret'],
  ...['password', 'key', 'apiKey', 'api_key', 'token', 'secret']
]

/** Their possible places: a field of the line, or of an object up to three levels below. */
const redacted = [...personal, ...secret].flatMap(field => [field, `*.${field}`, `*.*.${field}`, `*.*.*.${field}`])

/**
 * Returns the process's logger: JSON lines on standard output, each with the ids of the current work. Personal fields and
 * secrets are replaced. A message is constant text; varying details are fields.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: presentIds,
    formatters: { level: (label: string) => ({ level: label }), log: describeErrors },
    serializers: { err: describeError },
    hooks: { logMethod: withOwnWords, streamWrite: printableLine },
    redact: { paths: redacted, censor: '[redacted]' }
  }
  return destination ? pino(options, destination) : pino(options)
}

/** Logs are read on terminals, and JSON escapes neither C1 controls nor bidirectional marks. */
function printableLine(line: string): string {
  return `${escapeUnprintable(line.trimEnd())}\n`
}

/** Under another key than `err`, an error would be written with all fields of its library. */
function describeErrors(line: object): Record<string, unknown> {
  const fields = line as Record<string, unknown>
  const keys = Object.keys(fields).filter(key => key !== 'err' && fields[key] instanceof Error)
  if (keys.length === 0) return fields
  return { ...fields, ...Object.fromEntries(keys.map(key => [key, describeError(fields[key])])) }
}

/** If a library logs an error without a text, or with the error's message, pino would use that message for the line. */
function withOwnWords(this: Logger, args: Parameters<LogFn>, method: LogFn): void {
  const [first, second, ...values] = args as unknown[]
  const fields = first instanceof Error ? { err: first } : first
  const { err } = (fields ?? {}) as { err?: unknown }
  const isQuoted = err instanceof Error && (second === undefined || second === err.message)
  const others = [isQuoted ? 'an error was reported' : second, ...values]
  const named = others.map(value => (value instanceof Error ? summarizeError(value) : value))
  method.apply(this, [fields, ...named].slice(0, Math.max(args.length, isQuoted ? 2 : 1)) as Parameters<LogFn>)
}
