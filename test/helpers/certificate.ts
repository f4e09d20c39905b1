import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** A key and a certificate, both PEM. Node can read certificates, but cannot create them. */
export interface Identity {
  key: string
  cert: string
}

export interface Validity {
  /** The only address that the certificate is for. */
  address?: readonly [number, number, number, number]
  /** The end of its validity, as in `491231235959Z`. */
  until?: string
}

const years = '491231235959Z'
/** In the past. */
export const expired = '210101000000Z'

/** Returns a certificate for 127.0.0.1, self-signed and valid for years. */
export function selfSigned(validity: Validity = {}): Identity {
  const keys = createKeys()
  return certify({ keys, name: '127.0.0.1', validity, issuer: { name: '127.0.0.1', key: keys.privateKey } })
}

/** Returns a certificate authority, which issues certificates. */
export function privateAuthority(name: string): { cert: string; issue(validity?: Validity): Identity } {
  const keys = createKeys()
  const issuer = { name, key: keys.privateKey }
  const { cert } = certify({ keys, name, issuer, isAuthority: true, validity: {} })
  return { cert, issue: (validity = {}) => certify({ keys: createKeys(), name: 'server', issuer, validity }) }
}

/** A certificate that a client with `authority` must accept, or reject with this code of Node. */
export interface CertificateCase {
  name: string
  identity: Identity
  code: 'CERT_HAS_EXPIRED' | 'ERR_TLS_CERT_ALTNAME_INVALID' | 'DEPTH_ZERO_SELF_SIGNED_CERT' | null
}

/** Returns the certificates that each connection is tried with. */
export function certificateCases(authority: ReturnType<typeof privateAuthority>): CertificateCase[] {
  return [
    { name: 'valid', identity: authority.issue(), code: null },
    { name: 'expired', identity: authority.issue({ until: expired }), code: 'CERT_HAS_EXPIRED' },
    {
      name: 'for another address',
      identity: authority.issue({ address: [10, 0, 0, 1] }),
      code: 'ERR_TLS_CERT_ALTNAME_INVALID'
    },
    { name: 'self-signed', identity: selfSigned(), code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }
  ]
}

interface Certified {
  keys: { privateKey: KeyObject; publicKey: KeyObject }
  name: string
  issuer: { name: string; key: KeyObject }
  validity: Validity
  isAuthority?: boolean
}

function createKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

let serial = 0

function certify({ keys, name, issuer, validity, isAuthority = false }: Certified): Identity {
  const { address = [127, 0, 0, 1], until = years } = validity
  const algorithm = sequence(oid('2a8648ce3d040302'))
  const extension = isAuthority
    ? // Critical: it may sign others.
      sequence(oid('551d13'), der(0x01, Buffer.from([255])), der(0x04, sequence(der(0x01, Buffer.from([255])))))
    : sequence(oid('551d11'), der(0x04, sequence(der(0x87, Buffer.from(address)))))
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([++serial])),
    algorithm,
    commonName(issuer.name),
    sequence(der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from(until))),
    commonName(name),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension))
  )
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, issuer.key)])
  // An empty line at the end would be no valid form.
  const lines =
    sequence(body, algorithm, der(0x03, signature))
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return {
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
  }
}

function commonName(text: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(text)))))
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}
