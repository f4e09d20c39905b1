import { ConfigurationError, SdmkError } from '../errors.ts'

/** The exit code of sysexits.h for a configuration that cannot be used. */
const exitConfiguration = 78

/** Prints one line that names the cause, and sets the exit code; only an error that nobody foresaw shows its stack. */
export function reportError(error: unknown): void {
  process.exitCode = error instanceof ConfigurationError ? exitConfiguration : 1
  const { code, message, stack } = error as { code?: string; message?: string; stack?: string }
  if (error instanceof SdmkError) console.error(`sdmk: ${message}`)
  else if (code === 'EADDRINUSE') console.error('sdmk: SDMK_PORT: the port is in use; choose another')
  else if (code === 'EACCES' || code === 'EADDRNOTAVAIL')
    console.error(`sdmk: SDMK_HOST, SDMK_PORT: cannot listen (${code})`)
  else console.error(`sdmk: ${stack ?? message ?? String(error)}`)
}
