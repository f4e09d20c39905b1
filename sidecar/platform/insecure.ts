import fp from 'fastify-plugin'
import { type Insecurity, insecurities, peers } from '../environment.ts'

/** Says at the start, and with every scrape, what SDMK_INSECURE allows. */
export default fp<{ insecure: readonly Insecurity[] }>(
  async function insecurePlugin(app, { insecure }) {
    const gauge = new app.metrics.client.Gauge({
      name: 'sdmk_insecure_connection',
      help: '1 where SDMK_INSECURE lets the connection do without TLS or without a check of the certificate; database-owner: lets the service work with a login that may change the schema',
      labelNames: ['peer']
    })
    for (const peer of insecurities) gauge.set({ peer }, insecure.includes(peer) ? 1 : 0)
    for (const peer of peers.filter(item => insecure.includes(item))) {
      app.log.warn(
        { peer },
        'SDMK_INSECURE is set: this connection may do without TLS or without a check of certificates'
      )
    }
  },
  { name: 'insecure', fastify: '5.x', dependencies: ['metrics'] }
)
