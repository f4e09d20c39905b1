import { pathToFileURL } from 'node:url'
import type { SourceDescription } from '../sidecar/source/description.ts'
import { loadDescription, shippedDescription } from '../sidecar/source/load.ts'
import { createAuthentication } from './authentication.ts'
import { SimulatedClock } from './clock.ts'
import { type Controls, createControls } from './controls.ts'
import { SimulatorInputError } from './errors.ts'
import { FaultQueue } from './faults.ts'
import { Feed } from './feed.ts'
import type { Kind } from './kinds.ts'
import { defaultBrokenShare, defaultSeed, LAST_STAMP, Population } from './population.ts'
import { Cursors } from './position.ts'
import { createServer } from './server.ts'
import { compileShape } from './shape/shape.ts'
import type { SimulatorState } from './state.ts'
import { Stats } from './stats.ts'
import { MAX_ROWS } from './str-number.ts'

export interface SimulatorOptions {
  /** 0 takes any free port. Default 0. */
  port?: number
  /** Default 127.0.0.1. */
  host?: string
  /** Generated records; 0 leaves a feed of injected ones. */
  rows: number
  /** Default 1. Equal seeds, rows and shares give equal records. */
  seed?: number
  /** Share of records that are always rejected. Default 0.02. */
  brokenShare?: number
  /** Days to start with, and the share of records that changes in each. Default none, 0.1. */
  days?: number
  changedShare?: number
  /** Seconds that its clock starts behind the real one, so that it can be moved forward without passing it. Default 0. */
  behindSeconds?: number
  /** Default: the lifetime in the description, else 3600. */
  tokenLifetimeSeconds?: number
  /** Compresses pages for clients that accept it. Default false. */
  gzip?: boolean
  clientId?: string
  clientSecret?: string
  /** The source description to serve: a file, or a loaded description. Default: `contracts/sources/kki.json`. */
  like?: string | SourceDescription
}

/** A running API that a source description expects. */
export interface Simulator extends Controls {
  /** `http://host:port`, without a trailing slash. */
  url: string
  clientId: string
  clientSecret: string
  /** The secret `kki` of a connector with access. */
  secret: Record<string, string>
  /** Returns the simulated time in milliseconds since the epoch. */
  now(): number
  /** Returns the kind of the generated record at this place of the day-0 order; places count from 0. */
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
  const own = await loadDescription(shippedDescription)
  const { like = own } = options
  const description = typeof like === 'string' ? await loadDescription(like) : like
  await rejectSealedAnswers(description)
  const shape = compileShape(description, own)
  const seed = options.seed ?? defaultSeed
  const clock = new SimulatedClock(LAST_STAMP, options.behindSeconds)
  const population = new Population({
    seed,
    rows: options.rows,
    brokenShare: options.brokenShare ?? defaultBrokenShare,
    write: shape.records.write,
    isGrouped: description.answer.registrations !== undefined
  })
  const faults = new FaultQueue()
  const alter = (answer: Record<string, unknown>) => {
    const fault = faults.strike('token-answer', 'token')
    if (fault === null) return answer
    const { members, without = [] } = fault
    return Object.fromEntries(Object.entries({ ...answer, ...members }).filter(([name]) => !without.includes(name)))
  }
  const authentication = createAuthentication(
    description.authentication,
    { clientId, clientSecret, username: clientId, password: clientSecret, token: clientSecret, apiKey: clientSecret },
    { lifetimeSeconds: options.tokenLifetimeSeconds ?? null, alter }
  )
  const state: SimulatorState = {
    clock,
    population,
    feed: new Feed(population, shape, () => clock.now()),
    cursors: new Cursors(seed),
    faults,
    authentication,
    shape,
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
    secret: authentication.secret,
    now: () => clock.now(),
    kindOf: index => population.kindOf(index),
    close: async () => {
      state.closing.abort()
      await server.close()
    }
  }
}

/** Rejects descriptions with encrypted answers, because the simulator cannot encrypt. It does not check signatures either. */
async function rejectSealedAnswers({ module }: SourceDescription): Promise<void> {
  if (module === null) return
  const { openAnswer } = (await import(pathToFileURL(module).href)) as { openAnswer?: unknown }
  if (openAnswer !== undefined) {
    throw new SimulatorInputError('module', 'opens answers, and the simulator cannot seal them')
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
