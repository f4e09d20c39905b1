import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'

const connections = 32
const answerMs = 60_000

export interface Call {
  method: 'GET' | 'POST'
  path: string
  body?: object
  headers?: Record<string, string>
}

/** The measurements for calls of one kind. */
export interface Latency {
  kind: string
  /** Nanoseconds from sending a request to the last byte of its answer. */
  histogram: RecordableHistogram
  /** The number of answers by status. */
  statuses: Record<number, number>
}

export interface OpenRateOptions {
  url: string
  apiKey: string
  /** Each returns the next call of its kind. */
  kinds: Record<string, () => Call>
  /** Calls per second, all kinds together. */
  rate: number
  /** Aborting it ends the calls. */
  signal: AbortSignal
}

/**
 * Makes calls at a steady rate, in turn of their kinds, and returns the measurements. A call is made when it is due, without
 * waiting for earlier answers, so a stall of the service affects as many calls as it would affect users' requests.
 */
export async function measureAtRate({ url, apiKey, kinds, rate, signal }: OpenRateOptions): Promise<Latency[]> {
  const pool = new Pool(url, { connections, bodyTimeout: answerMs, headersTimeout: answerMs })
  const turns = Object.entries(kinds).map(([kind, next]) => ({
    next,
    latency: { kind, histogram: createHistogram(), statuses: {} as Record<number, number> }
  }))
  const make = async ({ method, path, body, headers }: Call, { histogram, statuses }: Latency) => {
    const started = process.hrtime.bigint()
    const response = await pool.request({
      method,
      path,
      headers: {
        ...headers,
        authorization: `Bearer ${apiKey}`,
        ...(body && { 'content-type': 'application/json' })
      },
      body: body ? JSON.stringify(body) : null
    })
    await response.body.arrayBuffer()
    histogram.record(process.hrtime.bigint() - started)
    statuses[response.statusCode] = (statuses[response.statusCode] ?? 0) + 1
  }
  const calls: Promise<void>[] = []
  const started = performance.now()
  for (;;) {
    const due = started + (calls.length * 1000) / rate
    await wait(Math.max(0, due - performance.now()), undefined, { signal }).catch(() => undefined)
    if (signal.aborted) break
    const turn = turns[calls.length % turns.length]
    if (turn) calls.push(make(turn.next(), turn.latency))
  }
  await Promise.all(calls)
  await pool.close()
  return turns.map(({ latency }) => latency)
}
