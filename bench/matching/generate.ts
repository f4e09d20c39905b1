/**
 * Labelled rows in KKI's form, in three feeds, with the true person of each. It knows the contract
 * (contracts/kki.openapi.yaml) and nothing of the sidecar.
 */
import { Chance } from './chance.ts'
import { classes, type MatchClass } from './classes.ts'
import { People, type Person } from './people.ts'
import { type Part, type Row, Story, type ToldRow } from './story.ts'

export interface LabelledRow {
  record: Row
  /** The true person of the row. */
  person: number
  /** The number of its case. */
  case: number
}

export interface Labelled {
  /** The class of each case. */
  cases: MatchClass[]
  people: Person[]
  /** Batches in their order; those of one step run concurrently. */
  steps: LabelledRow[][][]
}

/** The feed of each part of a case; `together` puts the parts of one feed into one batch. */
export interface Order {
  name: string
  share: number
  feeds: readonly [number, number, number]
  together: boolean
}

export const orders: readonly Order[] = [
  { name: 'one after the other', share: 0.5, feeds: [0, 1, 2], together: false },
  { name: 'the second row first', share: 0.2, feeds: [1, 0, 2], together: false },
  { name: 'two rows in one batch', share: 0.1, feeds: [1, 1, 2], together: true },
  { name: 'two rows in one feed', share: 0.1, feeds: [1, 1, 2], together: false },
  { name: 'the third row before the second', share: 0.05, feeds: [0, 2, 1], together: false },
  { name: 'all rows in one batch', share: 0.05, feeds: [2, 2, 2], together: true }
]
/** How many batches each feed is cut into. */
const cuts = [2, 3, 2] as const
const feedDays = ['2026-01-05', '2026-03-05', '2026-05-05'] as const
/** Cases whose later row has the older stamp, as in a late feed. */
const lateShare = 0.1

/**
 * Returns cases of each class, the same for the same seed. With `order`, all cases come in that order, with stamps by their
 * content, so that the rows are the same in every order.
 */
export function generate(
  seed: number,
  casesOfEachClass: number,
  among: readonly MatchClass[] = classes,
  order?: Order
): Labelled {
  const chance = new Chance(seed + 1_000_003)
  const people = new People(new Chance(seed))
  const strs = { made: 0 }
  const labelled: Labelled = { cases: [], people: [], steps: [] }
  const feeds = cuts.map(cut => Array.from({ length: cut }, (): LabelledRow[] => []))
  const race: LabelledRow[][] = [[], []]
  for (const one of among) {
    for (let n = 0; n < casesOfEachClass; n++) {
      const story = new Story(n, people, strs)
      one.tell(story)
      const number = labelled.cases.push(one) - 1
      labelled.people.push(...story.people)
      for (const { batch, row } of placed(story.rows, chance, number, order)) {
        const list = typeof batch === 'string' ? race[batch === 'race-a' ? 0 : 1] : feeds[batch[0]]?.[batch[1]]
        list?.push(row)
      }
    }
  }
  const [first = [], second = [], third = []] = feeds.map(feed => feed.map(batch => [chance.shuffle(batch)]))
  const { steps } = labelled
  steps.push(...first, race, ...second, ...third)
  labelled.steps = steps.map(step => step.filter(batch => batch.length > 0)).filter(step => step.length > 0)
  return labelled
}

/** Assigns the rows of a case to batches, and stamps them. */
function placed(
  rows: readonly ToldRow[],
  chance: Chance,
  number: number,
  given?: Order
): { batch: [feed: number, cut: number] | Exclude<Part, number>; row: LabelledRow }[] {
  const order = given ?? drawOrder(chance)
  const isLate = given === undefined && chance.is(lateShare)
  const shared = chance.next()
  return rows.map(({ record, person, part }) => {
    const [second, own] = [chance.below(86_400), chance.next()]
    const row = (stampedIn: number) => ({
      record: { ...record, diubah_pada: stamp(stampedIn, second) },
      person,
      case: number
    })
    if (typeof part === 'string') return { batch: part, row: row(0) }
    const feed = order.feeds[part]
    const cut = Math.floor((order.together ? shared : own) * (cuts[feed] as number))
    return { batch: [feed, cut], row: row(given ? part : isLate ? 2 - feed : feed) }
  })
}

function drawOrder(chance: Chance): Order {
  let drawn = chance.next()
  for (const order of orders) {
    drawn -= order.share
    if (drawn < 0) return order
  }
  return orders[0] as Order
}

function stamp(feed: number, second: number): string {
  return `${feedDays[feed]}T${new Date(second * 1000).toISOString().slice(11, 19)}Z`
}
