import { createJson2Transport } from './json2.ts'
import type { OdooConnection, OdooTransport } from './transport.ts'
import { createXmlRpcTransport } from './xmlrpc.ts'

export const transports = {
  xmlrpc: createXmlRpcTransport,
  json2: createJson2Transport
} as const satisfies Record<string, (connection: OdooConnection) => OdooTransport>
