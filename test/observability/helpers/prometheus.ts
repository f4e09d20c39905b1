import { PackagesUnavailable } from '../../../tools/debian/unpack.ts'
import { installPrometheus, type PrometheusPrograms } from '../../../tools/prometheus/install.ts'

/**
 * Returns the programs, or the reason why they cannot run here, with which their tests are skipped. In CI they must run.
 * @throws PackagesUnavailable in CI
 */
export async function programsOrReason(): Promise<{ programs?: PrometheusPrograms; skip: string | false }> {
  try {
    return { programs: await installPrometheus(), skip: false }
  } catch (error) {
    if (process.env.CI === 'true' || !(error instanceof PackagesUnavailable)) throw error
    return { skip: `no Prometheus: ${error.message}` }
  }
}
