import type { Authentication } from './authentication.ts'
import type { SimulatedClock } from './clock.ts'
import type { FaultQueue } from './faults.ts'
import type { Feed } from './feed.ts'
import type { Population } from './population.ts'
import type { Cursors } from './position.ts'
import type { Shape } from './shape/shape.ts'
import type { Stats } from './stats.ts'

/** Everything that one simulator is made of; nothing is shared between two of them. */
export interface SimulatorState {
  clock: SimulatedClock
  population: Population
  feed: Feed
  cursors: Cursors
  faults: FaultQueue
  authentication: Authentication
  shape: Shape
  stats: Stats
  gzip: boolean
  /** Aborted at `close`, so that no slow reply holds it up. */
  closing: AbortController
}
