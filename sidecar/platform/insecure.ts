import fp from 'fastify-plugin'
import { type Peer, peers } from '../environment.ts'

/** Says at the start, and with every scrape, which connections may do without TLS or without a check of certificates. */
export default fp<{ insecure: readonly Peer[] }>(
  async function insecurePlugin(app, { insecure }) {
    const gauge = new app.metrics.client.Gauge({
      name: 'sdmk_insecure_connection',
      help: '1 where the connection may do without TLS or without a check of the certificate (SDMK_INSECURE)',
      labelNames: ['peer']
    })
    for (const peer of peers) gauge.set({ peer }, insecure.includes(peer) ? 1 : 0)
    for (const peer of insecure) {
      app.log.warn(
        { peer },
        'SDMK_INSECURE is set: this connection may do without TLS or without a check of certificates'
      )
    }
  },
  { name: 'insecure', fastify: '5.x', dependencies: ['metrics'] }
)
