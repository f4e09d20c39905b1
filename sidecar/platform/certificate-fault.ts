/** The settings that decide whether a certificate is accepted. */
export interface CertificateSettings {
  /** The one with the peer's address. */
  address: string
  /** The one with the certificate authorities. */
  authority: string
}

/** Node's own setting, for peers without a setting of ours. */
export const nodeAuthorities = 'NODE_EXTRA_CA_CERTS'

/** Whether Node's code for an error of a connection means that the peer's certificate is not accepted. */
export function isCertificateCode(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(code)
}

/**
 * Returns why a peer's certificate is not accepted, with the setting that is concerned; completes "The peer …". Null if the
 * code is of another kind.
 */
export function certificateFault(code: string, { address, authority }: CertificateSettings): string | null {
  if (!isCertificateCode(code)) return null
  if (code === 'CERT_HAS_EXPIRED') {
    return `has a certificate that has expired, so the server of ${address} needs a new one (${code})`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `has a certificate for another name than the one in ${address} (${code})`
  }
  return `has a certificate that cannot be trusted without its authority in ${authority} (${code})`
}
