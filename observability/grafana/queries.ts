/** Names of our containers, as a regular expression. */
export const ourServices = 'sdmk-service|etl-kki-service'

/** Where links lead to. */
export const odooBatches = '$odoo_url/odoo/action-sdmk_integration_kki.sdmk_batch_action'
export const odooRejections = '$odoo_url/odoo/action-sdmk_integration_kki.sdmk_rejection_action'
export const logsOfTrace = '/d/integrasi-kki?viewPanel=61&var-trace_id='

/** Counts what happened within the interval, in all processes together. */
export function events(selector: string, by?: string): string {
  return `sum${by ? ` by (${by})` : ''} (increase(${selector}[$__rate_interval]))`
}

/** The value below which this share of a histogram's observations is. */
export function quantile(share: number, bucket: string, by?: string): string {
  return `histogram_quantile(${share}, sum by (${by ? `${by}, ` : ''}le) (rate(${bucket}[$__rate_interval])))`
}
