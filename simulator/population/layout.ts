import { type BrokenKind, brokenKindOrder } from './broken.ts'
import { draw, pick, salts } from './draw.ts'
import { aliasOf, professionOfDraw, secondProfessionOf, unknownProfession } from './professions.ts'

/** Roles are dealt out in blocks of this many neighbours, shuffled within the block. */
const blockSize = 100

/**
 * Of each block the first slots come in pairs, one person each: 4 % of all records are a second registration in the same
 * profession, 2 % one in another profession, 1 % the same STR under a second profession, 1 % are listed a second time.
 */
const pairSlots = { renewed: 8, across: 12, shared: 14, repeated: 16 } as const

/** One in so many records whose profession has an old word carries it: 0.1 % of all. */
const aliasOneIn = 140
/** Workers without a NIK. */
const foreignPercent = 3
/** How far back a row that resembles somebody looks for whom to resemble. */
const anchorReach = 50

const steps = Array.from({ length: blockSize }, (_, n) => n).filter(n => n % 2 !== 0 && n % 5 !== 0)
const inverseOf = steps.map(step => steps.find(other => (step * other) % blockSize === 1) ?? 1)

export type Pairing = 'renewed' | 'across' | 'shared' | 'repeated'

export interface LayoutOptions {
  seed: number
  rows: number
  brokenShare: number
}

/**
 * Who is who: which record is broken and how, which belong to one person, which share an STR, under which profession each
 * stands. All of it is computed from the record's index, either way, and nothing is stored.
 */
export class Layout {
  readonly rows: number
  readonly #seed: number
  readonly #brokenPerMillion: number

  constructor({ seed, rows, brokenShare }: LayoutOptions) {
    this.#seed = seed
    this.rows = rows
    this.#brokenPerMillion = Math.round(brokenShare * 1e6)
  }

  /** Returns in which way record `i` is broken, or `null` where it is in good order. */
  kindOf(i: number): BrokenKind | null {
    const kind = this.#dealtKind(i)
    if (kind === 'str-ambiguous' && this.ambiguousPartner(i) === null) return 'status-unknown'
    if (isResembling(kind) && this.anchorOf(i) === null) return 'status-unknown'
    return kind
  }

  /** Returns how record `i` belongs together with another and which of the two is the older, or `null` for most. */
  pairOf(i: number): { pairing: Pairing; first: number; isFirst: boolean } | null {
    const place = this.#placeOf(i)
    const slot = place % blockSize
    if (slot >= pairSlots.repeated) return null
    const partner = this.#indexAt(place ^ 1)
    if (this.#ordinalAt(place) >= 0 || this.#ordinalAt(place ^ 1) >= 0) return null
    const pairing =
      slot < pairSlots.renewed
        ? 'renewed'
        : slot < pairSlots.across
          ? 'across'
          : slot < pairSlots.shared
            ? 'shared'
            : 'repeated'
    return { pairing, first: Math.min(i, partner), isFirst: i < partner }
  }

  /** Returns the other of the two records that have record `i`'s role in its pair, whether it exists or not. */
  partnerOf(i: number): number {
    return this.#indexAt(this.#placeOf(i) ^ 1)
  }

  /** Returns the record with the other person on the STR of `i`, or `null` where the list ends before it. */
  ambiguousPartner(i: number): number | null {
    const ordinal = this.#ordinalAt(this.#placeOf(i))
    const round = Math.floor(ordinal / brokenKindOrder.length)
    const partner = this.#indexAt(this.#placeOfOrdinal(ordinal + (round % 2 === 0 ? 1 : -1) * brokenKindOrder.length))
    return partner < this.rows ? partner : null
  }

  /** Returns the record in good order that a resembling row resembles: the nearest older one that has nobody else. */
  anchorOf(i: number): number | null {
    for (let j = i - 1; j >= Math.max(0, i - anchorReach); j--) {
      if (this.#canAnchor(j)) return j
      if (isResembling(this.#dealtKind(j))) return null
    }
    return null
  }

  /** Whether somebody resembles record `i`. Such a one never changes: it must stay older than who resembles it. */
  isAnchor(i: number): boolean {
    if (this.#brokenPerMillion === 0 || !this.#canAnchor(i)) return false
    for (let j = i + 1; j < Math.min(this.rows, i + anchorReach + 1); j++) {
      if (isResembling(this.#dealtKind(j))) return true
      if (this.#canAnchor(j)) return false
    }
    return false
  }

  /** Returns the index, in `professionWords`, of what stands in `profesi`; -1 where nothing does. */
  professionOf(i: number): number {
    const place = this.#placeOf(i)
    if (this.#ordinalAt(place) >= 0) return this.#professionOfBroken(i)
    if (place % blockSize >= pairSlots.repeated) return this.#professionOfSingle(i)
    const pair = this.pairOf(i)
    if (pair === null) return this.#professionOfSingle(i)
    if (pair.pairing === 'shared') return pair.isFirst ? 0 : 1
    const first = this.#baseProfession(pair.first)
    return pair.pairing === 'across' && !pair.isFirst ? secondProfessionOf(first) : first
  }

  /** Whether the person of record `i` has no NIK. */
  isForeign(i: number): boolean {
    return draw(this.#seed, i, salts.foreign) % 100 < foreignPercent && this.pairOf(i) === null && !this.isBroken(i)
  }

  isBroken(i: number): boolean {
    return this.#ordinalAt(this.#placeOf(i)) >= 0
  }

  /** Whether record `i` starts as one that is no longer in force; pairs and broken rows follow rules of their own. */
  isLapsed(i: number): boolean {
    return draw(this.#seed, i, salts.standing) % 100 < 4
  }

  #canAnchor(i: number): boolean {
    const place = this.#placeOf(i)
    return (
      this.#ordinalAt(place) < 0 &&
      place % blockSize >= pairSlots.repeated &&
      !this.isLapsed(i) &&
      !this.isForeign(i) &&
      !this.#hasAlias(i)
    )
  }

  #professionOfSingle(i: number): number {
    const profession = this.#baseProfession(i)
    return this.#hasAlias(i) ? aliasOf(profession) : profession
  }

  #professionOfBroken(i: number): number {
    switch (this.kindOf(i)) {
      case 'not-an-object':
      case 'profession-missing':
        return -1
      case 'profession-unknown':
        return unknownProfession
      case 'str-ambiguous':
        return this.#baseProfession(Math.min(i, this.ambiguousPartner(i) ?? i))
      case 'identity-conflict':
      case 'possible-duplicate':
        return this.#baseProfession(this.anchorOf(i) ?? i)
      default:
        return this.#baseProfession(i)
    }
  }

  #baseProfession(i: number): number {
    return professionOfDraw(draw(this.#seed, i, salts.profession))
  }

  /** Of records in good order and without a partner only: an old word is met in another walk than its new one. */
  #hasAlias(i: number): boolean {
    return draw(this.#seed, i, salts.alias) % aliasOneIn === 0 && this.pairOf(i) === null
  }

  #dealtKind(i: number): BrokenKind | null {
    const ordinal = this.#ordinalAt(this.#placeOf(i))
    return ordinal < 0 ? null : pick(brokenKindOrder, ordinal)
  }

  /** How many broken records stand before this one, or -1 where the one at `place` is in good order. */
  #ordinalAt(place: number): number {
    const before = Math.floor((place * this.#brokenPerMillion) / 1e6)
    return Math.floor(((place + 1) * this.#brokenPerMillion) / 1e6) > before ? before : -1
  }

  #placeOfOrdinal(ordinal: number): number {
    return Math.ceil(((ordinal + 1) * 1e6) / this.#brokenPerMillion) - 1
  }

  #placeOf(i: number): number {
    const within = i % blockSize
    const block = (i - within) / blockSize
    const number = draw(this.#seed, block, salts.block)
    return i - within + ((pick(steps, number >>> 8) * within + number) % blockSize)
  }

  #indexAt(place: number): number {
    const within = place % blockSize
    const block = (place - within) / blockSize
    const number = draw(this.#seed, block, salts.block)
    const offset = (within - (number % blockSize) + blockSize) % blockSize
    return place - within + ((pick(inverseOf, number >>> 8) * offset) % blockSize)
  }
}

function isResembling(kind: BrokenKind | null): boolean {
  return kind === 'identity-conflict' || kind === 'possible-duplicate'
}
