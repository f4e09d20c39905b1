import fp from 'fastify-plugin'
import { type Insecurity, insecurities, peers } from '../environment.ts'

/** Reports the exceptions of SDMK_INSECURE, in the log at the start and in the metrics. */
export default fp<{ insecure: readonly Insecurity[] }>(
  async function insecurePlugin(app, { insecure }) {
    const gauge = new app.metrics.client.Gauge({
      name: 'sdmk_insecure_connection',
      help: '1 if SDMK_INSECURE lets the connection omit TLS or the check of the certificate; database-owner: lets the service use a login that may change the schema',
      labelNames: ['peer']
    })
    for (const peer of insecurities) gauge.set({ peer }, insecure.includes(peer) ? 1 : 0)
    for (const peer of peers.filter(item => insecure.includes(item))) {
      app.log.warn({ peer }, 'SDMK_INSECURE is set: this connection may omit TLS or the check of certificates')
    }
  },
  { name: 'insecure', fastify: '5.x', dependencies: ['metrics'] }
)
