import type { Logger } from 'pino'
import { createLogger } from '../../sidecar/platform/logger.ts'

export type LogLine = Record<string, unknown> & { msg: string }

/** Returns a logger like the service's, and its lines. */
export function keepLog(level = 'debug'): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = []
  return { logger: createLogger(level, { write: line => void lines.push(JSON.parse(line)) }), lines }
}
