import type { Batch } from './batch.ts'

/** True where an applied batch may have brought people, licences or NIKs that refused rows have waited for. */
export function mayBeAwaited({ created, linked, updated, unchanged }: Batch): boolean {
  // A row that is older than its registration still gives a person the NIK that nobody knew.
  return created + linked + updated + unchanged > 0
}
