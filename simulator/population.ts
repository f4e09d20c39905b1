import { brokenRecord, claimedPerson } from './broken.ts'
import { Days } from './days.ts'
import { isBrokenKind, type Kind, type LoneBrokenKind, loneBrokenKinds } from './kinds.ts'
import { Layout, type Role } from './layout.ts'
import { Permutation } from './permutation.ts'
import { type Person, personOf } from './person.ts'
import { firstOfCareer, type Profession, professionOf, UNKNOWN_PROFESSION, writtenCode } from './professions.ts'
import { Dice, share } from './random.ts'
import { composeRecord, type Facts } from './record.ts'
import type { RecordWriter } from './shape/record.ts'
import {
  canonicalForm,
  canonicalStr,
  leaderOfStr,
  NUMBER_SPACE,
  type StrShape,
  strIdentity,
  writtenStr
} from './str-number.ts'

/** Day-0 stamps lie between these, in milliseconds since the epoch. */
export const FIRST_STAMP = Date.UTC(2014, 0, 1)
export const LAST_STAMP = Date.UTC(2026, 8, 30)

/** The list of a simulator by default. */
export const defaultSeed = 1
export const defaultBrokenShare = 0.02

const SALT = { stamp: 51, shape: 52, words: 53, strNumbers: 54, personNumbers: 55 }
/** Of all registrations: 84 % are for life (2025), some of other councils' old numbers have no known format. */
const LIFETIME_SHARE = 0.84
const KKI_2004_SHARE = 0.15

/** A generated record as the list shows it. */
export interface GeneratedRecord {
  /** `nomor_str` as written; empty where the record has none. */
  str: string
  json: string
}

/**
 * Invented health workers, each record a function of the seed, the number of rows and its index (its place in the
 * day-0 order). Nothing in here grows with the number of rows.
 */
export class Population {
  readonly rows: number
  readonly days: Days
  readonly #seed: number
  readonly #layout: Layout
  readonly #strNumbers: Permutation
  readonly #personNumbers: Permutation
  readonly #step: number
  readonly #write: RecordWriter['write']
  readonly #isGrouped: boolean
  #listed: number | undefined

  /** `isGrouped`: the later registration of a person is listed together with the first one, in one record. */
  constructor(options: {
    seed: number
    rows: number
    brokenShare: number
    write?: RecordWriter['write']
    isGrouped?: boolean
  }) {
    this.rows = options.rows
    this.#write = options.write ?? (record => JSON.stringify(record))
    this.#isGrouped = options.isGrouped ?? false
    this.#seed = options.seed
    this.#layout = new Layout(options.seed, options.rows, options.brokenShare)
    this.days = new Days(this.#layout, options.seed)
    this.#strNumbers = new Permutation(options.seed, SALT.strNumbers, NUMBER_SPACE)
    this.#personNumbers = new Permutation(options.seed, SALT.personNumbers, NUMBER_SPACE)
    this.#step = (LAST_STAMP - FIRST_STAMP) / Math.max(options.rows, 1)
  }

  /** Returns the kind of a record: valid, or its error. */
  kindOf(index: number): Kind {
    return this.#layout.roleOf(index).kind
  }

  /** Returns the profession code that a registration carries; null where it carries none. */
  writtenProfessionOf(index: number): string | null {
    const role = this.#layout.roleOf(index)
    return this.#professionCodeOf(index, role, this.#professionOf(index, role))
  }

  /** Returns the indices of the registrations that one listed record holds, its own first. */
  registrationsOf(index: number): number[] {
    const { kind, leader } = this.#layout.roleOf(index)
    return this.#isGrouped && leader !== index && isOfOnePerson(kind) ? [index, leader] : [index]
  }

  /** Returns how many records an unlimited list has: days change records, and never their number. */
  get listed(): number {
    if (!this.#isGrouped) return this.rows
    if (this.#listed === undefined) {
      this.#listed = 0
      for (let index = 0; index < this.rows; index++) if (this.#listedAt(index) === index) this.#listed++
    }
    return this.#listed
  }

  /** Yields the listed records stamped `since` or later (milliseconds since the epoch), oldest first. */
  *walk(since: number): Generator<{ index: number; stamp: number }> {
    for (let index = this.#firstAt(since); index < this.rows; index++) {
      if (this.days.lastOf(index) >= 0 || (this.#isGrouped && this.#listedAt(index) !== index)) continue
      yield { index, stamp: this.#firstStampOf(index) }
    }
    for (let day = 0; day < this.days.length; day++) yield* this.days.recordsOf(day, since)
  }

  /** Returns a record in its present state. */
  recordOf(index: number): GeneratedRecord {
    const { str, record } = this.#composed(index)
    if (!this.#isGrouped) return { str, json: this.#write(record, index) }
    const [, ...others] = this.registrationsOf(index)
    const registrations = others.map(other => ({ record: this.#composed(other).record, variant: other }))
    return { str, json: this.#write(record, index, registrations) }
  }

  /** Returns the indices of the listed records that carry an STR, in any spelling. */
  indicesOfStr(str: string): number[] {
    const canonical = canonicalForm(str)
    const leader = leaderOfStr(this.#strNumbers, canonical)
    if (leader < 0 || leader >= this.rows) return []
    const { partner } = this.#layout.roleOf(leader)
    const carriers = [leader, partner].filter(
      index => index >= 0 && canonicalForm(this.#composed(index).str) === canonical
    )
    return [...new Set(carriers.map(index => this.#listedAt(index)))]
  }

  /** Returns the index of the record in which a registration is listed. */
  #listedAt(index: number): number {
    const { kind, leader, partner } = this.#layout.roleOf(index)
    return this.#isGrouped && leader === index && isOfOnePerson(kind) ? partner : index
  }

  #composed(index: number): { str: string; record: unknown } {
    const role = this.#layout.roleOf(index)
    const facts = this.#factsOf(index, role)
    const record = composeRecord(facts, new Dice(this.#seed, SALT.words, index))
    if (!isLone(role.kind)) return { str: facts.str, record }
    const broken = brokenRecord(record, role.kind, index)
    return { str: writtenStrOf(broken), record: broken }
  }

  #factsOf(index: number, role: Role): Facts {
    const changes = this.days.changesOf(index, role.kind)
    const profession = this.#professionOf(index, role)
    const renewals = changes?.renewals ?? 0
    const strOwner = hasStrOfLeader(role.kind) ? role.leader : index
    const strShape = renewals > 0 ? 'lifetime' : this.#shapeOf(strOwner)
    const canonical = canonicalStr(this.#strNumbers, strIdentity(strOwner, renewals), strShape)
    const firstStamp = this.#firstStampOf(index)
    return {
      kind: role.kind,
      person: this.#personOf(index, role),
      profession,
      professionCode: this.#professionCodeOf(index, role, profession) ?? profession.code,
      str: writtenStr(this.#seed, index, canonical, strShape),
      strShape,
      firstStamp,
      stamp: this.days.stampOf(index) ?? firstStamp,
      changes
    }
  }

  #personOf(index: number, { kind, leader }: Role): Person {
    const known = this.#ownPersonOf(leader)
    if (kind === 'known-person' || !isBrokenKind(kind) || isLone(kind)) return known
    return claimedPerson(kind, this.#ownPersonOf(index), known)
  }

  #ownPersonOf(index: number): Person {
    const role = this.#layout.roleOf(index)
    const { womenShare } = this.#professionOf(index, role)
    return personOf(this.#seed, this.#personNumbers, index, { isForeign: role.kind === 'foreign', womenShare })
  }

  #professionOf(index: number, role: Role): Profession {
    const startsCareer = role.kind === 'first-registration' && !this.#layout.hasEndedSecond(role.leader)
    return startsCareer ? firstOfCareer(this.#seed, role.leader) : professionOf(this.#seed, index, role)
  }

  #professionCodeOf(index: number, { kind }: Role, profession: Profession): string | null {
    if (kind === 'not-an-object' || kind === 'missing-profesi') return null
    if (kind === 'profession-unknown') return UNKNOWN_PROFESSION
    // Both records of a pair must be in one batch, so none of them is filed under an old code.
    const mayAlias = kind === 'ordinary' || kind === 'foreign' || kind === 'ended'
    return writtenCode(this.#seed, index, profession, mayAlias)
  }

  #shapeOf(index: number): StrShape {
    const drawn = share(this.#seed, SALT.shape, index)
    if (drawn < LIFETIME_SHARE) return 'lifetime'
    return drawn < LIFETIME_SHARE + KKI_2004_SHARE ? 'kki_2004' : 'unknown'
  }

  #firstStampOf(index: number): number {
    const base = Math.floor(index * this.#step)
    const gap = Math.floor((index + 1) * this.#step) - base
    return FIRST_STAMP + base + Math.floor(share(this.#seed, SALT.stamp, index) * gap)
  }

  #firstAt(stamp: number): number {
    let index = Math.max(0, Math.floor((stamp - FIRST_STAMP) / this.#step) - 1)
    while (index < this.rows && this.#firstStampOf(index) < stamp) index++
    return index
  }
}

function isLone(kind: Kind): kind is LoneBrokenKind {
  return Object.hasOwn(loneBrokenKinds, kind)
}

/** Two registrations of one person, as one record with a list of registrations shows them. */
function isOfOnePerson(kind: Kind): boolean {
  const kinds: readonly Kind[] = [
    'first-registration',
    'second-registration',
    'second-registration-ended',
    'shared-str'
  ]
  return kinds.includes(kind)
}

function hasStrOfLeader(kind: Kind): boolean {
  const sharing: readonly Kind[] = ['str-of-two-people', 'shared-str', 'superseded', 'superseding']
  return sharing.includes(kind)
}

function writtenStrOf(record: unknown): string {
  const isObject = typeof record === 'object' && record !== null && 'nomor_str' in record
  return isObject && typeof record.nomor_str === 'string' ? record.nomor_str : ''
}
