import type { Gate } from './proxy.ts'
import type { Peer } from './replica.ts'
import type { Unit } from './wire.ts'

/** A point in a batch's life at which a replica can be stopped and observed. */
export interface Step {
  peer: Peer
  /** True for the units that reach it. */
  matches(unit: Unit): boolean
  /** Stops before the unit is forwarded, or while the peer's answer is in transit. */
  where: 'request' | 'reply'
  /** The most units that pass before one is stopped; the seed decides. */
  maxSkip: number
  /** True if its transaction is open and PostgreSQL has locked the batch for it. */
  means: string
}

const isPage = ({ what }: Unit) => what.startsWith('GET /v1/tenaga-kesehatan?') && what.includes('kursor=')

/** In the order of a batch's life. */
export const steps = {
  token: {
    peer: 'kki',
    matches: ({ what }) => what.startsWith('POST /oauth2/token'),
    where: 'request',
    maxSkip: 1,
    means: 'a token is requested, under the lock of all replicas'
  },
  fetch: { peer: 'kki', matches: isPage, where: 'request', maxSkip: 40, means: 'page n of the list is requested' },
  'stage-begin': {
    peer: 'database',
    matches: ({ what }) => what.startsWith('execute stage'),
    where: 'request',
    maxSkip: 12,
    means: 'the first statement of a page transaction, which moves the cursor, is sent'
  },
  'stage-commit': {
    peer: 'database',
    matches: ({ what }) => what.startsWith('commit stage'),
    where: 'request',
    maxSkip: 12,
    means: 'the commit of a page transaction is sent'
  },
  'stage-done': {
    peer: 'database',
    matches: ({ what }) => what === 'commit stage last',
    where: 'reply',
    maxSkip: 8,
    means: 'the last pages are committed, but the replica has no answer'
  },
  plan: {
    peer: 'database',
    matches: ({ what }) => what === 'execute plan',
    where: 'request',
    maxSkip: 8,
    means: 'the plan is made, and its digest is written'
  },
  'apply-before': {
    peer: 'database',
    matches: ({ what }) => what === 'commit apply',
    where: 'request',
    maxSkip: 8,
    means: 'everything is written, and the commit is sent'
  },
  'apply-after': {
    peer: 'database',
    matches: ({ what }) => what === 'commit apply',
    where: 'reply',
    maxSkip: 8,
    means: 'the batch is applied, but the replica has no answer'
  },
  'project-before': {
    peer: 'odoo',
    matches: ({ what }) => /sync_(health_workers|batches)$/.test(what),
    where: 'request',
    maxSkip: 6,
    means: 'a call with rows is made to Odoo'
  },
  'project-after': {
    peer: 'odoo',
    matches: ({ what }) => /sync_(health_workers|batches)$/.test(what),
    where: 'reply',
    maxSkip: 6,
    means: 'Odoo has committed, but the replica has no answer'
  }
} as const satisfies Record<string, Step>

export type StepName = keyof typeof steps
export const stepNames = Object.keys(steps) as StepName[]

/** Returns a gate that lets `skip` units of the step pass, from any replica, and stops the next one. */
export function gateOf(name: StepName, skip: number): Gate {
  const step: Step = steps[name]
  let left = skip
  return unit => (step.matches(unit) && left-- === 0 ? step.where : null)
}
