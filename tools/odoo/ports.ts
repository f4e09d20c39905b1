import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** Where Odoo listens unless it is told otherwise. */
export const defaultPort = 8069

/** Returns a port of this machine that nobody listens on; `wanted` itself where it is free; 0 stands for any. */
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
