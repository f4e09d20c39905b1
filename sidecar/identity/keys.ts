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
import { SealBroken, SealUnfit } from './errors.ts'
import { contentOfRow } from './row-content.ts'
import type { SealPlace } from './seal-place.ts'

/** The purpose of a value in version 1, which did not bind it to its row. Only resealing opens such values. */
export type UnboundPurpose = 'nik' | 'row'

/** The sealing keys and one digest key: with them the database holds no identity number in clear. */
export interface Identity {
  /**
   * HMAC-SHA-256 of a fixed text under the digest key, 32 bytes: distinguishes the key from others and reveals nothing
   * else about it.
   */
  fingerprint: Buffer
  /** HMAC-SHA-256 of a NIK, 32 bytes: equal for equal NIKs, and useless for guessing without the key. */
  digestNik(nik: string): Buffer
  /**
   * HMAC-SHA-256 of a row's original content, 32 bytes. A plain hash would reveal its NIK to somebody who knows the
   * rest.
   */
  digestRow(raw: string): Buffer
  /** AES-256-GCM with the place as additional data: version, key id, 12 bytes of nonce, ciphertext, 16 bytes of tag. */
  seal(place: SealPlace, value: Buffer | string): Buffer
  /** `unbound` also opens a value of the former version, which is not bound to its row. @throws SealBroken, SealUnfit */
  open(place: SealPlace, sealed: Uint8Array, unbound?: UnboundPurpose): Buffer
}

/** All keys of the secret. */
export interface IdentityKeys extends Identity {
  /**
   * Returns the key that signs links of the audit chain, by its id, or the current one for null. Returns null if there
   * is no such key.
   */
  auditKey(id: number | null): Promise<AuditKey | null>
  /** Returns the end of the chain at each replacement of an audit key. */
  auditHeads(): AuditHead[]
}

/** A key that signs links of the audit chain. */
export interface AuditKey {
  id: number
  key: KeyObject
}

/** An end of the audit chain: the number of a link, and its hash in hex. */
export interface AuditHead {
  seq: number
  hash: string
}

/** Binds a value to its place. Version 1 bound it only to its purpose. */
export const sealVersion = 2
const unboundVersion = 1
const headerLength = 2
const nonceLength = 12
const tagLength = 16
const shortest = headerLength + nonceLength + tagLength
const keyLength = 32
const defaultVariable = 'SDMK_SECRETS_DIR'
/** Name of the secret that holds the keys. */
export const identitySecret = 'nik-keys'

/**
 * Returns the identity keys of the secret `nik-keys`, all of them base64 of 32 bytes: `digestKey` (and `digestKeyNext`
 * during a rotation), one `sealKey<id>` for each key that stored values may need, and one `auditKey<id>` for each key
 * that has signed links of the audit chain. `sealKeyId` and `auditKeyId` (1 to 255) name the current ones.
 * `auditHead<id>` is the end of the chain when that key was replaced.
 *
 * @throws ConfigurationError if the secret is missing or a key has another length.
 */
export async function loadIdentity(secrets: SecretStore): Promise<IdentityKeys> {
  const secret = await secrets.read(identitySecret)
  const variable = secrets.variableOf?.(identitySecret)
  if (secret === null) {
    throw new ConfigurationError(
      variable ?? defaultVariable,
      `the secret "${identitySecret}" is missing; create it once with "sdmk keys init" and keep a copy: without it no NIK can be read`
    )
  }
  return createIdentityKeys(secret, variable)
}

/**
 * Stores new random keys in place of missing ones only. Returns whether it made any; another process may make them
 * meanwhile.
 */
export async function initIdentity(secrets: VersionedSecretStore): Promise<boolean> {
  const { value, version } = await secrets.readVersion(identitySecret)
  if (value?.auditKeyId !== undefined) return false
  try {
    const audit = { auditKeyId: '1', auditKey1: newKey() }
    const keys = value ?? { digestKey: newKey(), sealKeyId: '1', sealKey1: newKey() }
    await secrets.replace(identitySecret, version, { ...keys, ...audit })
    return true
  } catch (error) {
    if (error instanceof SecretChanged) return false
    throw error
  }
}

/** Returns random keys that are stored nowhere, to describe the API without a database. */
export function throwawayIdentity(): IdentityKeys {
  const key = newKey()
  return createIdentityKeys({ digestKey: key, sealKeyId: '1', sealKey1: key, auditKeyId: '1', auditKey1: key })
}

/** Returns a new random key, in the encoding of the secret. */
export function newKey(): string {
  return randomBytes(keyLength).toString('base64')
}

/**
 * Returns the functions that work with the keys of a secret; see `loadIdentity` for their names.
 * @throws ConfigurationError, which names `variable`, if a key is invalid.
 */
export function createIdentityKeys(secret: Record<string, string>, variable = defaultVariable): IdentityKeys {
  return { ...createAuditKeys(secret, variable), ...createIdentity(secret, variable) }
}

function createAuditKeys(
  secret: Record<string, string>,
  variable: string
): Pick<IdentityKeys, 'auditKey' | 'auditHeads'> {
  const present = Number(secret.auditKeyId)
  if (secret.auditKeyId === undefined) {
    throw new ConfigurationError(
      variable,
      `"auditKeyId" of the secret "${identitySecret}" is missing; "sdmk keys init" adds an audit key and keeps the other keys`
    )
  }
  if (!Number.isInteger(present) || present < 1 || present > 255) {
    throw new ConfigurationError(variable, `"auditKeyId" of the secret "${identitySecret}" is not 1 to 255`)
  }
  const ids = Object.keys(secret).flatMap(name => /^auditKey(\d{1,3})$/.exec(name)?.[1] ?? [])
  const keys = new Map([present, ...ids.map(Number)].map(id => [id, parseKey(secret, `auditKey${id}`, variable)]))
  const heads = Object.entries(secret).flatMap(([name, text]) => {
    if (!/^auditHead\d{1,3}$/.test(name)) return []
    const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
    if (seq !== undefined && hash !== undefined) return [{ seq: Number(seq), hash }]
    throw new ConfigurationError(
      variable,
      `"${name}" of the secret "${identitySecret}" is not <number>:<64 hex digits>`
    )
  })
  return {
    async auditKey(id) {
      const key = keys.get(id ?? present)
      return key ? { id: id ?? present, key } : null
    },
    auditHeads: () => heads
  }
}

/**
 * Returns the functions that work with the given keys and one digest key.
 * @throws ConfigurationError, which names `variable`, if a key is invalid.
 */
export function createIdentity(
  secret: Record<string, string>,
  variable = defaultVariable,
  digestKeyName: 'digestKey' | 'digestKeyNext' = 'digestKey'
): Identity {
  const keyOf = (name: string): KeyObject => parseKey(secret, name, variable)
  const digestKey = keyOf(digestKeyName)
  const sealKeyId = Number(secret.sealKeyId)
  if (!Number.isInteger(sealKeyId) || sealKeyId < 1 || sealKeyId > 255) {
    throw new ConfigurationError(variable, `"sealKeyId" of the secret "${identitySecret}" is not 1 to 255`)
  }
  const sealKey = keyOf(`sealKey${sealKeyId}`)
  // All keys are decoded now, so that no closure below keeps their texts in memory: V8 cannot erase a text.
  const sealKeys = new Map(
    Object.keys(secret)
      .filter(name => /^sealKey\d+$/.test(name))
      .map(name => [name, keyOf(name)])
  )
  const header = Buffer.from([sealVersion, sealKeyId])
  return {
    fingerprint: createHmac('sha256', digestKey).update('fingerprint\0').digest(),
    digestNik: nik => createHmac('sha256', digestKey).update(nik).digest(),
    digestRow: raw => createHmac('sha256', digestKey).update('row\0').update(contentOfRow(raw)).digest(),
    seal(place, value) {
      const nonce = nextNonce()
      const cipher = createCipheriv('aes-256-gcm', sealKey, nonce)
      cipher.setAAD(toBytes(place))
      const body = typeof value === 'string' ? cipher.update(value, 'utf8') : cipher.update(value)
      return Buffer.concat([header, nonce, body, cipher.final(), cipher.getAuthTag()])
    },
    open(place, sealed, unbound) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
      const [version] = bytes
      if (version === unboundVersion && unbound === undefined) throw new SealUnfit(place, 'unbound')
      if ((version !== sealVersion && version !== unboundVersion) || bytes.length < shortest) {
        throw new SealUnfit(place, 'altered')
      }
      const keyName = `sealKey${bytes[1]}`
      const key = sealKeys.get(keyName)
      if (key === undefined) throw new SealBroken(place, keyName)
      const bodyStart = headerLength + nonceLength
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(headerLength, bodyStart))
      decipher.setAAD(version === unboundVersion && unbound ? Buffer.from(unbound) : toBytes(place))
      decipher.setAuthTag(bytes.subarray(-tagLength))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(bodyStart, -tagLength)), decipher.final()])
      } catch (cause) {
        throw new SealUnfit(place, 'altered', { cause })
      }
    }
  }
}

/** Starts with the column and the row, which hold no NUL. */
function toBytes({ column, row, beside }: SealPlace): Buffer {
  return Buffer.from(beside === undefined ? `${column}\0${row}` : `${column}\0${row}\0${beside}`)
}

/** Random bytes are fetched in bulk: a call for twelve bytes takes as long as the encryption. */
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

/** A key object, since each use of plain bytes would create one. */
function parseKey(secret: Record<string, string>, name: string, variable: string): KeyObject {
  const key = Buffer.from(secret[name] ?? '', 'base64')
  if (key.length !== keyLength) {
    throw new ConfigurationError(variable, `"${name}" of the secret "${identitySecret}" is not base64 of 32 bytes`)
  }
  return createSecretKey(key)
}
