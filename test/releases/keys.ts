import { hash } from 'node:crypto'
import { identitySecret } from '../../sidecar/identity/keys.ts'
import type { SecretStore } from '../../sidecar/secrets/store.ts'

const invented = (purpose: string) => hash('sha256', `invented people, ${purpose}`, 'base64')

/** Writes the keys of all kept databases, which hold invented people only. */
export async function writeKeys(secrets: SecretStore): Promise<void> {
  await secrets.write(identitySecret, {
    digestKey: invented('digest'),
    sealKeyId: '1',
    sealKey1: invented('seal'),
    auditKeyId: '1',
    auditKey1: invented('audit')
  })
}
