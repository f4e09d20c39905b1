/**
 * Walks `--pages` pages (default 2,000) in three concurrent runs with three sidecar processes over one database and one
 * store, while tokens live `--lifetime` seconds (60). Prints how often a token reached its end and how often one was
 * requested. Exit code 1 if a request was denied (a refresh token that is sent twice is), two tokens were issued for one
 * end, or a run was not applied.
 */
import { parseArgs } from 'node:util'
import type { StatsReport } from '../simulator/stats.ts'
import { evaluateTokens } from './evaluate-tokens.ts'
import { openWorld } from './world.ts'

const { values } = parseArgs({
  options: {
    pages: { type: 'string', default: '2000' },
    lifetime: { type: 'string', default: '60' },
    /** The time of each page. */
    'page-ms': { type: 'string', default: '350' }
  }
})
const lifetimeSeconds = Number(values.lifetime)
const rowsPerPage = 10
/**
 * 71 % of the simulated people have one of these. Runs over named professions move no watermark, which would otherwise
 * change the hold reasons.
 */
const professions = ['nurse', 'midwife', 'doctor', 'professional_nurse']
const shareOfThese = 0.71
/** One run of each mode may be open; each reads all of these. */
const runs = [
  { mode: 'incremental', professions },
  { mode: 'full', professions },
  { mode: 'window', professions, changedSince: '2000-01-01T00:00:00Z', changedUntil: '2100-01-01T00:00:00Z' }
] as const
/** A token is renewed when a sixth of its lifetime is left. */
const renewedAfter = 5 / 6
/** The simulator counts lifetimes in whole seconds, rounded down. */
const shortestLife = (lifetimeSeconds - 1) * renewedAfter

await using world = await openWorld({
  rows: Math.round((Number(values.pages) * rowsPerPage) / runs.length / shareOfThese),
  simulatorArgs: ['--token-lifetime', values.lifetime],
  env: { KKI_PAGE_SIZE: String(rowsPerPage) },
  // As many worker slots as runs, so that every replica fetches.
  sidecars: runs.map(() => ({ SDMK_WORKERS: '1' }))
})
await world.kki.control('/_faults', { kind: 'slow', on: 'list', ms: Number(values['page-ms']), times: 0 })
const started = performance.now()
const ids: number[] = []
for (const run of runs) ids.push(await world.startRun(run))
const states = (await Promise.all(ids.map(id => world.followRun(id)))).map(({ state }) => state)
const seconds = (performance.now() - started) / 1000

const { pagesServed, requests, tokenRequests } = await world.kki.control<StatsReport>('/_stats')
const verdict = evaluateTokens(tokenRequests)
const refused = requests['GET /v1/tenaga-kesehatan']?.['401'] ?? 0
console.log(`${pagesServed} pages in ${seconds.toFixed(0)} s, 3 replicas: runs ${states.join(', ')}`)
// From the times of the first token and the last page; a run ends a little after that page.
const ends = Math.floor(seconds / (lifetimeSeconds * renewedAfter))
console.log(`tokens of ${lifetimeSeconds} s came to their end ${ends} times; ${verdict.refreshes} refreshes`)
console.log(
  `first token by client credentials: ${verdict.logins}; token requests denied (double uses): ${verdict.refused}`
)
console.log(`from one token to the next: ${verdict.shortestGap.toFixed(1)} to ${verdict.longestGap.toFixed(1)} s`)
console.log(`pages requested with a token that KKI no longer accepted: ${refused}`)
const isGood =
  states.every(state => state === 'applied') &&
  verdict.logins === 1 &&
  verdict.refused === 0 &&
  verdict.shortestGap >= shortestLife &&
  Math.abs(verdict.refreshes - ends) <= 1
if (!isGood) process.exitCode = 1
