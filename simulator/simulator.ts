import { SimulatedClock } from './clock.ts'
import { type Controls, createControls } from './controls.ts'
import { SimulatorInputError } from './errors.ts'
import { FaultQueue } from './faults.ts'
import { Feed } from './feed.ts'
import type { Kind } from './kinds.ts'
import { defaultBrokenShare, defaultSeed, LAST_STAMP, Population } from './population.ts'
import { Cursors } from './position.ts'
import { createServer } from './server.ts'
import type { SimulatorState } from './state.ts'
import { Stats } from './stats.ts'
import { MAX_ROWS } from './str-number.ts'
import { createTokens } from './tokens.ts'

export interface SimulatorOptions {
  /** 0 takes any free port. Default 0. */
  port?: number
  /** Default 127.0.0.1. */
  host?: string
  /** Generated records; 0 leaves a feed of injected ones. */
  rows: number
  /** Default 1. Equal seeds, rows and shares give equal records. */
  seed?: number
  /** Share of records that are refused whatever else is known. Default 0.02. */
  brokenShare?: number
  /** Days to start with, and the share of records that changes in each. Default none, 0.1. */
  days?: number
  changedShare?: number
  /** How far its clock starts behind the real one, so that it can be moved on without passing that. Default 0. */
  behindSeconds?: number
  /** Default 3600. */
  tokenLifetimeSeconds?: number
  /** Compresses pages for clients that accept it. Default false. */
  gzip?: boolean
  clientId?: string
  clientSecret?: string
}

/** A running KKI that speaks `contracts/kki.openapi.yaml`. */
export interface Simulator extends Controls {
  /** `http://host:port`, without a trailing slash. */
  url: string
  clientId: string
  clientSecret: string
  /** Returns the simulated time in milliseconds since the epoch. */
  now(): number
  /** Returns what the generated record at this place of the day-0 order is; places count from 0. */
  kindOf(index: number): Kind
  close(): Promise<void>
}

/**
 * Starts a simulator and returns it once it listens. Several can run in one process.
 *
 * @throws SimulatorInputError for an option out of range; `field` names it.
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { port = 0, host = '127.0.0.1', clientId = 'sdmk', clientSecret = 'simulator-secret' } = options
  checkOptions(options)
  const seed = options.seed ?? defaultSeed
  const clock = new SimulatedClock(LAST_STAMP, options.behindSeconds)
  const population = new Population({
    seed,
    rows: options.rows,
    brokenShare: options.brokenShare ?? defaultBrokenShare
  })
  const faults = new FaultQueue()
  const alter = (answer: Record<string, unknown>) => {
    const fault = faults.strike('token-answer', 'token')
    if (fault === null) return answer
    const { members, without = [] } = fault
    return Object.fromEntries(Object.entries({ ...answer, ...members }).filter(([name]) => !without.includes(name)))
  }
  const state: SimulatorState = {
    clock,
    population,
    feed: new Feed(population, () => clock.now()),
    cursors: new Cursors(seed),
    faults,
    tokens: createTokens({ clientId, clientSecret, lifetimeSeconds: options.tokenLifetimeSeconds ?? 3600, alter }),
    stats: new Stats(),
    gzip: options.gzip ?? false,
    closing: new AbortController()
  }
  const controls = createControls(state)
  for (let day = 0; day < (options.days ?? 0); day++) controls.newDay(options.changedShare)
  const server = createServer(state, controls)
  const url = await server.listen({ port, host })
  return {
    ...controls,
    url,
    clientId,
    clientSecret,
    now: () => clock.now(),
    kindOf: index => population.kindOf(index),
    close: async () => {
      state.closing.abort()
      await server.close()
    }
  }
}

function checkOptions({
  rows,
  brokenShare = 0,
  days = 0,
  behindSeconds = 0,
  tokenLifetimeSeconds = 1
}: SimulatorOptions): void {
  if (!Number.isInteger(rows) || rows < 0 || rows > MAX_ROWS) {
    throw new SimulatorInputError('rows', `must be a whole number from 0 to ${MAX_ROWS}`)
  }
  if (!(brokenShare >= 0 && brokenShare <= 1)) throw new SimulatorInputError('brokenShare', 'must be from 0 to 1')
  if (!Number.isInteger(days) || days < 0) throw new SimulatorInputError('days', 'must be a whole number, 0 or more')
  if (!Number.isInteger(behindSeconds) || behindSeconds < 0) {
    throw new SimulatorInputError('behindSeconds', 'must be a whole number, 0 or more')
  }
  if (!Number.isInteger(tokenLifetimeSeconds) || tokenLifetimeSeconds < 1) {
    throw new SimulatorInputError('tokenLifetimeSeconds', 'must be a whole number, 1 or more')
  }
}
