import type { Batch } from '../batch.ts'

/** True where an applied batch has brought people or licences that refused rows may have waited for. */
export function mayBeAwaited({ created, linked }: Batch): boolean {
  return created > 0 || linked > 0
}
