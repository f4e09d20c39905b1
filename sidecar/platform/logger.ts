import pino, { type DestinationStream, type Logger } from 'pino'

/** Fields that never belong in a log; wherever one of them is logged by mistake, its value is replaced. */
const personal = ['nik', 'nama', 'name', 'str', 'strNumber', 'nomor_str', 'birthDate', 'tanggal_lahir']
const secret = ['authorization', 'access_token', 'refresh_token', 'client_secret', 'password', 'key', 'apiKey']

/** Where they may stand: as a field of the line, or within an object up to three levels below. */
const redacted = [...personal, ...secret].flatMap(field => [field, `*.${field}`, `*.*.${field}`, `*.*.*.${field}`])

/** Returns the process's logger: JSON lines on standard output, personal fields and secrets replaced. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    // Stacks name no person; the fields that drivers put beside them (detail, where, parameters) can.
    serializers: { err: describeError },
    redact: { paths: redacted, censor: '[redacted]' }
  }
  return destination ? pino(options, destination) : pino(options)
}

function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return {
    type: error.constructor.name,
    message: error.message,
    ...(code !== undefined && { code }),
    stack: error.stack,
    ...(cause !== undefined && { cause: describeError(cause) })
  }
}
