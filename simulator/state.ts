import type { Authentication } from './authentication.ts'
import type { SimulatedClock } from './clock.ts'
import type { FaultQueue } from './faults.ts'
import type { Feed } from './feed.ts'
import type { Population } from './population.ts'
import type { Cursors } from './position.ts'
import type { Shape } from './shape/shape.ts'
import type { Stats } from './stats.ts'

/** The complete state of one simulator. Two simulators share nothing. */
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
  /** Aborted by `close`, so that `close` does not wait for slow replies. */
  closing: AbortController
}
