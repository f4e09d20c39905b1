import { DAY_MS } from './days.ts'
import { SimulatorInputError } from './errors.ts'
import type { FaultSpec, QueuedFault } from './faults.ts'
import type { InjectedRecord } from './overlay.ts'
import type { SimulatorState } from './state.ts'
import type { SeenRequest, StatsReport } from './stats.ts'

export interface NewDay {
  /** Days after day 0, this one included. */
  day: number
  /** Records that changed in it. */
  changed: number
  /** ISO instant of the simulated clock. */
  now: string
}

/** Functions that make the simulator change or fail. The routes under `/_` offer the same over HTTP. */
export interface Controls {
  /**
   * Moves the clock forward by 24 hours, in which the given share of records changes. Pairs and broken records never change.
   */
  newDay(changedShare?: number): NewDay
  putRecords(records: readonly InjectedRecord[]): void
  /** Returns true if the record existed. */
  deleteRecord(id: string): boolean
  /** Returns the simulated time, an ISO instant. */
  advanceClock(seconds: number): string
  addFault(spec: FaultSpec): QueuedFault
  clearFaults(): void
  listFaults(): readonly QueuedFault[]
  stats(): StatsReport
  /** The last requests, in the order of their arrival. */
  requests(): readonly SeenRequest[]
}

const DEFAULT_CHANGED_SHARE = 0.1

/** Returns the controls of one simulator. */
export function createControls({
  clock,
  population,
  feed,
  faults,
  authentication,
  shape,
  stats
}: SimulatorState): Controls {
  const isoNow = () => new Date(clock.now()).toISOString()
  return {
    newDay(changedShare = DEFAULT_CHANGED_SHARE) {
      const changed = population.days.add(clock.now(), changedShare)
      clock.advance(DAY_MS / 1000)
      return { day: population.days.length, changed, now: isoNow() }
    },
    putRecords: records => feed.put(records),
    deleteRecord: id => feed.overlay.delete(id),
    advanceClock(seconds) {
      clock.advance(seconds)
      return isoNow()
    },
    addFault(spec) {
      if (spec.kind === 'described' && shape.answers.fault(spec.means, clock.now()) === null) {
        throw new SimulatorInputError('means', `is ${spec.means}, for which the description has no fault`)
      }
      const fault = faults.add(spec)
      // Without a page to wait for, tokens issued so far are denied at once, not from the next request on.
      if (spec.kind === 'expire-tokens' && faults.strike('expire-tokens', 'list')) authentication.expireAccessTokens()
      if (spec.kind === 'revoke-refresh' && faults.strike('revoke-refresh', 'token'))
        authentication.revokeRefreshTokens()
      return fault
    },
    clearFaults: () => faults.clear(),
    listFaults: () => faults.list(),
    stats: () => ({
      requests: stats.requests,
      rowsServed: stats.rowsServed,
      pagesServed: faults.pagesServed,
      tokens: { ...authentication.issued },
      tokenRequests: [...authentication.requests]
    }),
    requests: () => [...stats.seen]
  }
}
