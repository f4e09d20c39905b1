import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
  randomFillSync
} from 'node:crypto'
import { ConfigurationError } from '../errors.ts'
import { SecretChanged } from '../secrets/errors.ts'
import type { SecretStore, VersionedSecretStore } from '../secrets/store.ts'
import { SealBroken } from './errors.ts'

/** What a sealed value is; a value sealed as one cannot be opened as another. */
export type SealPurpose = 'nik' | 'row' | 'page' | 'cursor'

/** The keys that keep identity numbers out of the database in clear. */
export interface Identity {
  /** HMAC-SHA-256 of a NIK, 32 bytes: equal for equal NIKs, and not to be guessed without the key. */
  digestNik(nik: string): Buffer
  /** HMAC-SHA-256 of a row as it came, 32 bytes. A plain hash would give the NIK in it away to whoever knows the rest. */
  digestRow(raw: string): Buffer
  /** AES-256-GCM: version, key id, 12 bytes of nonce, ciphertext, 16 bytes of tag. */
  seal(purpose: SealPurpose, value: Buffer | string): Buffer
  /** @throws SealBroken */
  open(purpose: SealPurpose, sealed: Uint8Array): Buffer
}

const sealVersion = 1
const headerLength = 2
const nonceLength = 12
const tagLength = 16
const keyLength = 32
const defaultVariable = 'SDMK_SECRETS_DIR'
/** Name of the secret that holds the keys. */
export const identitySecret = 'nik-keys'

/**
 * Returns the identity keys of the secret `nik-keys`: `digestKey`, `sealKeyId` (1 to 255) and one `sealKey<id>` for each
 * key that may still be met, all base64 of 32 bytes.
 *
 * @throws ConfigurationError where the secret is missing or a key has another length.
 */
export async function loadIdentity(secrets: SecretStore): Promise<Identity> {
  const secret = await secrets.read(identitySecret)
  const variable = secrets.variableOf?.(identitySecret)
  if (secret === null) {
    throw new ConfigurationError(
      variable ?? defaultVariable,
      `the secret "${identitySecret}" is missing; make it once with "sdmk keys init" and keep a copy: without it no NIK can be read`
    )
  }
  return createIdentity(secret, variable)
}

/** Stores new random keys unless there are some, made by somebody else at this moment included. Returns whether it made them. */
export async function initIdentity(secrets: VersionedSecretStore): Promise<boolean> {
  const { value, version } = await secrets.readVersion(identitySecret)
  if (value !== null) return false
  const key = () => randomBytes(keyLength).toString('base64')
  try {
    await secrets.replace(identitySecret, version, { digestKey: key(), sealKeyId: '1', sealKey1: key() })
    return true
  } catch (error) {
    if (error instanceof SecretChanged) return false
    throw error
  }
}

/** Returns an identity whose keys are known to nobody and kept nowhere: for describing the API without a database. */
export function throwawayIdentity(): Identity {
  const key = randomBytes(keyLength).toString('base64')
  return createIdentity({ digestKey: key, sealKeyId: '1', sealKey1: key })
}

/**
 * Returns the functions that work with the given keys; see `loadIdentity` for their names.
 * @throws ConfigurationError, which sends to `variable`, where a key is not one.
 */
export function createIdentity(secret: Record<string, string>, variable = defaultVariable): Identity {
  const keyOf = (name: string): KeyObject => parseKey(secret, name, variable)
  const digestKey = keyOf('digestKey')
  const sealKeyId = Number(secret.sealKeyId)
  if (!Number.isInteger(sealKeyId) || sealKeyId < 1 || sealKeyId > 255) {
    throw new ConfigurationError(variable, `"sealKeyId" of the secret "${identitySecret}" is not 1 to 255`)
  }
  const sealKey = keyOf(`sealKey${sealKeyId}`)
  const header = Buffer.from([sealVersion, sealKeyId])
  return {
    digestNik: nik => createHmac('sha256', digestKey).update(nik).digest(),
    digestRow: raw => createHmac('sha256', digestKey).update('row\0').update(raw).digest(),
    seal(purpose, value) {
      const nonce = nextNonce()
      const cipher = createCipheriv('aes-256-gcm', sealKey, nonce)
      cipher.setAAD(Buffer.from(purpose))
      const body = typeof value === 'string' ? cipher.update(value, 'utf8') : cipher.update(value)
      return Buffer.concat([header, nonce, body, cipher.final(), cipher.getAuthTag()])
    },
    open(purpose, sealed) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
      const keyName = `sealKey${bytes[1]}`
      if (
        bytes[0] !== sealVersion ||
        secret[keyName] === undefined ||
        bytes.length < headerLength + nonceLength + tagLength
      ) {
        throw new SealBroken(`A sealed value names a key ("${keyName}") or a version that is not at hand`)
      }
      const bodyStart = headerLength + nonceLength
      const decipher = createDecipheriv('aes-256-gcm', keyOf(keyName), bytes.subarray(headerLength, bodyStart))
      decipher.setAAD(Buffer.from(purpose))
      decipher.setAuthTag(bytes.subarray(-tagLength))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(bodyStart, -tagLength)), decipher.final()])
      } catch (cause) {
        throw new SealBroken('A sealed value was altered, or sealed for another purpose', { cause })
      }
    }
  }
}

/** Random bytes taken many at a time: a call for twelve costs as much as the encryption. */
const nonces = Buffer.alloc(1024 * nonceLength)
let noncesUsed = nonces.length

function nextNonce(): Buffer {
  if (noncesUsed === nonces.length) {
    randomFillSync(nonces)
    noncesUsed = 0
  }
  noncesUsed += nonceLength
  return nonces.subarray(noncesUsed - nonceLength, noncesUsed)
}

/** As an object, since each use of plain bytes would make one. */
function parseKey(secret: Record<string, string>, name: string, variable: string): KeyObject {
  const key = Buffer.from(secret[name] ?? '', 'base64')
  if (key.length !== keyLength) {
    throw new ConfigurationError(variable, `"${name}" of the secret "${identitySecret}" is not base64 of 32 bytes`)
  }
  return createSecretKey(key)
}
