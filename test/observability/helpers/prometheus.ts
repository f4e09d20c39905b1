import { installPrometheus, type PrometheusPrograms, PrometheusUnavailable } from '../../../tools/prometheus/install.ts'

/**
 * Returns the programs, or why there can be none here: their tests are then told to be skipped. In CI there must be some.
 * @throws PrometheusUnavailable in CI
 */
export async function programsOrReason(): Promise<{ programs?: PrometheusPrograms; skip: string | false }> {
  try {
    return { programs: await installPrometheus(), skip: false }
  } catch (error) {
    if (process.env.CI === 'true' || !(error instanceof PrometheusUnavailable)) throw error
    return { skip: `no Prometheus: ${error.message}` }
  }
}
