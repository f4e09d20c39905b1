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

/** As what a value was sealed before it was bound to its row. Only resealing opens such values. */
export type UnboundPurpose = 'nik' | 'row'

/** What keeps identity numbers out of the database in clear: the sealing keys, and one digest key. */
export interface Identity {
  /** HMAC-SHA-256 of a fixed text under the digest key, 32 bytes: tells it from others and says nothing else of it. */
  fingerprint: Buffer
  /** HMAC-SHA-256 of a NIK, 32 bytes: equal for equal NIKs, and not to be guessed without the key. */
  digestNik(nik: string): Buffer
  /** HMAC-SHA-256 of a row's content as it came, 32 bytes. A plain hash would give the NIK in it away to whoever knows the rest. */
  digestRow(raw: string): Buffer
  /** AES-256-GCM with the place as additional data: version, key id, 12 bytes of nonce, ciphertext, 16 bytes of tag. */
  seal(place: SealPlace, value: Buffer | string): Buffer
  /** `unbound` opens a value of the former version too, which any place would open. @throws SealBroken, SealUnfit */
  open(place: SealPlace, sealed: Uint8Array, unbound?: UnboundPurpose): Buffer
}

/** All keys of the secret. */
export interface IdentityKeys extends Identity {
  /** Returns the key that signs links of the audit chain, by its id; null: the one that signs now. Null where there is no such key. */
  auditKey(id: number | null): Promise<AuditKey | null>
  /** Returns where the chain ended when each former audit key was replaced. */
  auditHeads(): AuditHead[]
}

/** What signs links of the audit chain. */
export interface AuditKey {
  id: number
  key: KeyObject
}

/** An end of the audit chain: the number of a link, and its hash in hex. */
export interface AuditHead {
  seq: number
  hash: string
}

/** Binds a value to its place. Version 1 bound it to its purpose alone. */
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
 * Returns the identity keys of the secret `nik-keys`: `digestKey` (during a rotation `digestKeyNext` is beside it), `sealKeyId`
 * (1 to 255) and one `sealKey<id>` for each key that may still be met, `auditKeyId` (1 to 255) and one `auditKey<id>` for
 * each key that has signed links of the audit chain, all base64 of 32 bytes. `auditHead<id>` is where the chain ended when
 * that key was replaced.
 *
 * @throws ConfigurationError where the secret is missing or a key has another length.
 */
export async function loadIdentity(secrets: SecretStore): Promise<IdentityKeys> {
  const secret = await secrets.read(identitySecret)
  const variable = secrets.variableOf?.(identitySecret)
  if (secret === null) {
    throw new ConfigurationError(
      variable ?? defaultVariable,
      `the secret "${identitySecret}" is missing; make it once with "sdmk keys init" and keep a copy: without it no NIK can be read`
    )
  }
  return createIdentityKeys(secret, variable)
}

/** Stores new random keys, those that are missing alone. Returns whether it made any; somebody else may make them meanwhile. */
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

/** Returns keys that are known to nobody and kept nowhere: for describing the API without a database. */
export function throwawayIdentity(): IdentityKeys {
  const key = newKey()
  return createIdentityKeys({ digestKey: key, sealKeyId: '1', sealKey1: key, auditKeyId: '1', auditKey1: key })
}

/** Returns a new random key, as the secret keeps it. */
export function newKey(): string {
  return randomBytes(keyLength).toString('base64')
}

/**
 * Returns what works with the keys of a secret; see `loadIdentity` for their names.
 * @throws ConfigurationError, which sends to `variable`, where a key is not one.
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
 * Returns the functions that work with the given keys, one digest key of them.
 * @throws ConfigurationError, which sends to `variable`, where a key is not one.
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
  // All of them are read now, so that nothing below holds on to the texts of the keys: V8 cannot erase a text.
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
