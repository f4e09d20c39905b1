import type { Config } from '../../config.ts'
import { ConfigurationError } from '../../errors.ts'
import type { VersionedSecretStore } from '../../secrets/store.ts'
import type { SourceDescription } from '../description.ts'
import type { SourceModule } from '../module.ts'
import { type CheckResult, checkSource } from './check-source.ts'

export interface ConfiguredSource {
  config: Pick<Config, 'kki'>
  description: SourceDescription
  module: SourceModule | null
  secrets: Pick<VersionedSecretStore, 'read'>
}

/** Checks the source that the configuration names. It needs no database. @throws ConfigurationError */
export async function checkConfigured(
  { config: { kki }, description, module, secrets }: ConfiguredSource,
  { sample, timeoutMs }: { sample: number; timeoutMs: number }
): Promise<{ result: CheckResult; page: unknown }> {
  if (kki.baseUrl === null) throw new ConfigurationError('KKI_BASE_URL', 'is required; it is the address of the source')
  return checkSource({
    description,
    module,
    baseUrl: kki.baseUrl,
    secrets,
    sample,
    pageSize: kki.pageSize ?? description.limits.pageSize ?? 1,
    limits: {
      connectTimeoutMs: kki.connectTimeoutMs,
      headersTimeoutMs: kki.headersTimeoutMs,
      bodyTimeoutMs: kki.bodyTimeoutMs,
      pageTimeoutMs: kki.pageTimeoutMs,
      maxBodyBytes: kki.maxBodyBytes
    },
    clockToleranceMs: kki.clockToleranceSeconds * 1000,
    maxSkewMs: kki.maxSkewSeconds * 1000,
    signal: AbortSignal.timeout(timeoutMs)
  })
}
