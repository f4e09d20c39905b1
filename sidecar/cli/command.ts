import { randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import { CommanderError } from 'commander'
import type pg from 'pg'
import pino, { type Logger } from 'pino'
import type { Caller } from '../audit/record.ts'
import { type Config, loadConfig } from '../config.ts'
import { ConfigurationError, RequestInvalid, SdmkError } from '../errors.ts'
import { DigestKeyHeld, DigestKeyUnknown } from '../identity/errors.ts'
import { createDatabase } from '../platform/database.ts'
import { describeError, summarizeError } from '../platform/describe-error.ts'
import { createLogger } from '../platform/logger.ts'
import { assertMigrated } from '../platform/migrations.ts'
import { type OpenDatabase, openDatabase } from '../platform/open-database.ts'
import { escapeUnprintable } from '../platform/printable-text.ts'
import { createTraceId } from '../platform/trace-context.ts'

/** sysexits.h: something was found in an unconfigured or misconfigured state. */
const configurationExitCode = 78
/** sysexits.h: the command was used incorrectly. */
const usageExitCode = 64
/** sysexits.h: a temporary failure; the same command works later. */
const busyExitCode = 75

export interface CommandContext {
  config: Config
  /** Writes to standard error. */
  logger: Logger
  database: OpenDatabase
}

/**
 * Returns what `work` returns, with the configuration and the database open; the database is closed after it. For
 * short-lived commands.
 */
export async function withDatabase<T>(work: (context: CommandContext) => Promise<T>): Promise<T> {
  const config = loadConfig(process.env, { talksToKki: false })
  const logger = errorLogger(config)
  const database = await openDatabase(config, logger, { shared: true })
  try {
    return await work({ config, logger, database })
  } finally {
    await database.close()
  }
}

/** Returns what `work` returns, with one connection to the prepared database; the connection is closed after it. */
export function withPool<T>(work: (pool: pg.Pool, config: Config) => Promise<T>): Promise<T> {
  return withDatabase(async ({ config, database, logger }) => {
    const { pool } = createDatabase({ url: database.url, maxConnections: 1 }, logger)
    try {
      await assertMigrated(pool)
      return await work(pool, config)
    } finally {
      await pool.end()
    }
  })
}

/** Returns the user who runs the command, for audit events. */
export function commandCaller(): Caller {
  return {
    actor: escapeUnprintable(userInfo().username),
    apiKeyId: null,
    requestId: randomUUID(),
    traceId: createTraceId()
  }
}

/**
 * Returns a logger to standard error, because standard output is for the result; only errors, unless the configuration
 * sets a lower level.
 */
export function errorLogger(config: Pick<Config, 'logLevel'>): Logger {
  const level = process.env.SDMK_LOG_LEVEL ? config.logLevel : 'error'
  return createLogger(level, pino.destination({ fd: 2, sync: true }))
}

/** Writes one line with the reason of a failure to standard error and returns the exit code. */
export function reportFailure(error: unknown): number {
  // Commander has already written its line. After `--help` it also throws, with the exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode
  process.stderr.write(`sdmk: ${escapeUnprintable(summarizeError(error))}\n`)
  // An error of another class is a defect: its stack helps developers, and is printed only at level debug.
  if (!(error instanceof SdmkError) && process.env.SDMK_LOG_LEVEL === 'debug') {
    process.stderr.write(`${describeError(error).stack ?? ''}\n`)
  }
  if (error instanceof RequestInvalid) return usageExitCode
  if (error instanceof DigestKeyHeld) return busyExitCode
  return error instanceof ConfigurationError || error instanceof DigestKeyUnknown ? configurationExitCode : 1
}

/**
 * Writes a result to standard output: as one line of JSON, or as lines for people. Each item of `lines` is escaped to one
 * line: a terminal executes control characters, and a value with a line break would look like another line of output.
 */
export function print(asJson: boolean | undefined, value: unknown, lines: string[]): void {
  const printed = asJson ? [JSON.stringify(value)] : lines
  process.stdout.write(`${printed.map(escapeUnprintable).join('\n')}\n`)
}
