import {
  type GoodKind,
  type Kind,
  type LoneBrokenKind,
  loneBrokenKinds,
  type PairedBrokenKind,
  pairedBrokenKinds
} from './kinds.ts'
import { hash, share } from './random.ts'

/** Records that carry a person's second registration. */
const SECOND_REGISTRATION_SHARE = 0.06
/** Of these, the ones that have ended and stay in the first one's profession. */
const ENDED_SECOND_SHARE = 0.4
/** Pairs of records with one STR in two professions, per record. */
const SHARED_STR_SHARE = 0.005
/** Pairs of records with one STR and profession, the older one superseded, per record. */
const SUPERSEDED_SHARE = 0.005
/** Of the ordinary records. */
const FOREIGN_SHARE = 0.03
const ENDED_SHARE = 0.04

const BLOCK = 200
const SALT = { block: 1, nature: 2, second: 3 }

const loneKinds = Object.keys(loneBrokenKinds) as LoneBrokenKind[]
const pairedKinds = Object.keys(pairedBrokenKinds) as PairedBrokenKind[]
/** Rejected records in one round of all kinds: each kind once, and the second person on a shared STR. */
const ROUND = loneKinds.length + pairedKinds.length + 1

/** The kind of a record, and its person. Indices are places in the day-0 order, oldest first. */
export interface Role {
  kind: Kind
  /** The older record of its pair, or the record itself without a pair. Person, STR and profession derive from it. */
  leader: number
  /** The other record of its pair; -1 without a pair. */
  partner: number
}

interface Shuffle {
  factor: number
  inverse: number
}

type PairKind = 'broken' | 'second' | 'shared' | 'superseded'

/**
 * Deals kinds to records without a table of records.
 *
 * Records come in blocks of 200; each block has its own affine shuffle from place to slot, and slots are dealt in the
 * order: broken alone, broken pairs, valid pairs, ordinary records. Shares are exact over the whole feed, as
 * every block takes the difference of two running totals. Pairs never leave their block.
 */
export class Layout {
  readonly rows: number
  /** Ordinary records that a new day may change; see `eligibleAt`. */
  readonly eligible: number
  readonly #seed: number
  readonly #loneRate: number
  readonly #pairRates: readonly (readonly [PairKind, number])[]
  readonly #reserved: number
  readonly #lastReserved: number
  readonly #fullBlocks: number
  readonly #lastSize: number
  readonly #shuffles: readonly Shuffle[]
  readonly #lastShuffles: readonly Shuffle[]

  constructor(seed: number, rows: number, brokenShare: number) {
    this.rows = rows
    this.#seed = seed
    this.#loneRate = (brokenShare * loneKinds.length) / ROUND
    this.#pairRates = [
      ['broken', (brokenShare * pairedKinds.length) / ROUND],
      ['second', SECOND_REGISTRATION_SHARE],
      ['shared', SHARED_STR_SHARE],
      ['superseded', SUPERSEDED_SHARE]
    ]
    this.#fullBlocks = Math.floor(rows / BLOCK)
    this.#lastSize = rows % BLOCK
    this.#reserved = this.#reservedSlots(BLOCK)
    this.#lastReserved = this.#reservedSlots(this.#lastSize)
    this.eligible = this.#fullBlocks * (BLOCK - this.#reserved) + this.#lastSize - this.#lastReserved
    this.#shuffles = shufflesOf(BLOCK)
    this.#lastShuffles = shufflesOf(this.#lastSize)
  }

  /** Returns the role of a record. */
  roleOf(index: number): Role {
    const block = Math.floor(index / BLOCK)
    const start = block * BLOCK
    const size = this.#sizeOf(block)
    let slot = this.#slotAt(block, index - start)
    const lone = Math.min(dealt(this.#loneRate, start, size), size)
    if (slot < lone) {
      const kind = loneKinds[(Math.floor(start * this.#loneRate) + slot) % loneKinds.length]
      return { kind: kind ?? 'not-an-object', leader: index, partner: -1 }
    }
    let base = lone
    slot -= lone
    for (const [pairKind, rate] of this.#pairRates) {
      const slots = 2 * Math.min(dealt(rate, start, size), (size - base) >> 1)
      if (slot < slots) {
        const partner = start + this.#placeOf(block, base + (slot ^ 1))
        const ordinal = Math.floor(start * rate) + (slot >> 1)
        return this.#pairRole(pairKind, ordinal, index, partner)
      }
      base += slots
      slot -= slots
    }
    return { kind: this.#natureOf(index), leader: index, partner: -1 }
  }

  /** Returns the record of an eligible number; numbers run from 0 to `eligible` - 1. */
  eligibleAt(number: number): number {
    const perBlock = BLOCK - this.#reserved
    const block = perBlock === 0 ? this.#fullBlocks : Math.min(Math.floor(number / perBlock), this.#fullBlocks)
    const slot = number - block * perBlock + this.#reservedOf(block)
    return block * BLOCK + this.#placeOf(block, slot)
  }

  /** Returns the eligible number of a record; negative if no day changes it. */
  eligibleNumberOf(index: number): number {
    const block = Math.floor(index / BLOCK)
    const slot = this.#slotAt(block, index - block * BLOCK) - this.#reservedOf(block)
    return slot < 0 ? -1 : block * (BLOCK - this.#reserved) + slot
  }

  #pairRole(pairKind: PairKind, ordinal: number, index: number, partner: number): Role {
    const leader = Math.min(index, partner)
    const isLater = index !== leader
    return { kind: this.#pairKindOf(pairKind, ordinal, leader, isLater), leader, partner }
  }

  #pairKindOf(pairKind: PairKind, ordinal: number, leader: number, isLater: boolean): Kind {
    switch (pairKind) {
      case 'broken': {
        const kind = pairedKinds[ordinal % pairedKinds.length] ?? 'nik-of-another'
        return isLater || kind === 'str-of-two-people' ? kind : 'known-person'
      }
      case 'second':
        if (!isLater) return 'first-registration'
        return this.hasEndedSecond(leader) ? 'second-registration-ended' : 'second-registration'
      case 'shared':
        return 'shared-str'
      case 'superseded':
        return isLater ? 'superseding' : 'superseded'
    }
  }

  /** Returns whether the second registration of this first one has ended, and so keeps its profession. */
  hasEndedSecond(leader: number): boolean {
    return share(this.#seed, SALT.second, leader) < ENDED_SECOND_SHARE
  }

  #natureOf(index: number): GoodKind {
    const drawn = share(this.#seed, SALT.nature, index)
    if (drawn < FOREIGN_SHARE) return 'foreign'
    return drawn < FOREIGN_SHARE + ENDED_SHARE ? 'ended' : 'ordinary'
  }

  /** The most slots that a block of this size can need, so that eligible slots start at the same place in all. */
  #reservedSlots(size: number): number {
    const pairs = this.#pairRates.reduce((sum, [, rate]) => sum + Math.ceil(size * rate), 0)
    return Math.min(size, Math.ceil(size * this.#loneRate) + 2 * pairs)
  }

  #reservedOf(block: number): number {
    return block < this.#fullBlocks ? this.#reserved : this.#lastReserved
  }

  #sizeOf(block: number): number {
    return block < this.#fullBlocks ? BLOCK : this.#lastSize
  }

  #slotAt(block: number, place: number): number {
    const drawn = hash(this.#seed, SALT.block, block)
    const size = this.#sizeOf(block)
    return (place * this.#shuffleOf(block, drawn).factor + (drawn >>> 16)) % size
  }

  #placeOf(block: number, slot: number): number {
    const drawn = hash(this.#seed, SALT.block, block)
    const size = this.#sizeOf(block)
    const unshifted = (slot - ((drawn >>> 16) % size) + size) % size
    return (unshifted * this.#shuffleOf(block, drawn).inverse) % size
  }

  #shuffleOf(block: number, drawn: number): Shuffle {
    const shuffles = block < this.#fullBlocks ? this.#shuffles : this.#lastShuffles
    return shuffles[(drawn & 0xffff) % shuffles.length] ?? { factor: 1, inverse: 1 }
  }
}

function dealt(rate: number, start: number, size: number): number {
  return Math.floor((start + size) * rate) - Math.floor(start * rate)
}

/** Every factor that shuffles `size` slots one to one, with the factor that undoes it. */
function shufflesOf(size: number): Shuffle[] {
  const shuffles: Shuffle[] = []
  for (let factor = 1; factor < size; factor++) {
    for (let inverse = 1; inverse < size; inverse++) {
      if ((factor * inverse) % size === 1) shuffles.push({ factor, inverse })
    }
  }
  return shuffles
}
