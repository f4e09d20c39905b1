import pino, { type DestinationStream, type Logger } from 'pino'
import { presentIds } from './tracing.ts'

/** Fields that never belong in a log; wherever one of them is logged by mistake, its value is replaced. */
const personal = [
  ...['nik', 'nama', 'name', 'str', 'strNumber', 'str_number', 'nomor_str', 'login'],
  ...['birthDate', 'birth_date', 'tanggal_lahir', 'birthPlace', 'birth_place', 'tempat_lahir', 'raw']
]
const secret = [
  ...['authorization', 'access_token', 'accessToken', 'refresh_token', 'refreshToken', 'client_secret', 'clientSecret'],
  ...['password', 'key', 'apiKey', 'api_key', 'token', 'secret']
]

/** Where they may stand: as a field of the line, or within an object up to three levels below. */
const redacted = [...personal, ...secret].flatMap(field => [field, `*.${field}`, `*.*.${field}`, `*.*.*.${field}`])

/**
 * Returns the process's logger: JSON lines on standard output, each with the ids of the work that it is written in,
 * personal fields and secrets replaced. A message is always the same words, and what differs is a field.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: presentIds,
    formatters: { level: (label: string) => ({ level: label }) },
    // Stacks name no person; the fields that drivers put beside them (detail, where, parameters) can.
    serializers: { err: describeError },
    redact: { paths: redacted, censor: '[redacted]' }
  }
  return destination ? pino(options, destination) : pino(options)
}

function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: withoutValues(String(error)) }
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return {
    type: error.constructor.name,
    message: withoutValues(error.message),
    ...(code !== undefined && { code }),
    ...(error.stack !== undefined && { stack: withoutValues(error.stack) }),
    ...(cause !== undefined && { cause: describeError(cause) })
  }
}

/**
 * Our own errors repeat no value. Those of others do: PostgreSQL quotes what it cannot read (`… for type date: "…"`),
 * `JSON.parse` the text around a fault, clients an address with its login.
 */
function withoutValues(text: string): string {
  return text
    .replace(/(invalid input (?:syntax|value) [^:\n]*): ".*"/gs, '$1')
    .replace(/(Unexpected \w+[^,\n]*,) .* is not valid JSON/gs, '$1 … is not valid JSON')
    .replace(/\b(Bearer|Basic) [^\s"']+/gi, '$1 [redacted]')
    .replace(/(\/\/)[^\s/@]+@/g, '$1[redacted]@')
    .replace(/\b\d{16}\b/g, '[redacted]')
}
