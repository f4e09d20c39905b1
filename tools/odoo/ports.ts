import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** Odoo's default port. */
export const defaultPort = 8069

/** Returns a free port of this machine; `wanted` itself if it is free; 0 means any. */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer()
  try {
    const listening = once(server, 'listening')
    server.listen(wanted, '127.0.0.1')
    await listening
  } catch (error) {
    if (wanted === 0) throw error
    return freePort()
  }
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
