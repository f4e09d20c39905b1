/** A part of a replica's traffic that a gate may stop. */
export interface Unit {
  bytes: Buffer
  /** Its content in the protocol: a line of HTTP, or the statement and the work of its transaction. */
  what: string
  /** Its batch or job, if it names one. */
  batchId: number | null
  jobId: string | null
}

/** Cuts traffic into units; one instance for each conversation. */
export type UnitReader = (chunk: Buffer) => Unit[]

/** Statements of the sidecar that identify a transaction. */
const marks: [RegExp, string][] = [
  [/^update kki\.batch b set cursor = .*attempts = .*fetched_at = now\(\)/s, 'stage last'],
  [/^update kki\.batch b set cursor = .*attempts = /s, 'stage'],
  [/^update kki\.batch b set state = .*plan_digest = .*planned_at = now\(\)/s, 'plan'],
  [/^update kki\.batch b set state = \$4, deactivated = \$5, finished_at = now\(\)/, 'apply']
]

/**
 * Parses PostgreSQL's protocol: a unit for each `Execute` and each simple query, so that a statement can be stopped
 * before the server executes it. The unit of a `commit` names the work of its transaction.
 */
export function postgresReader(): UnitReader {
  let rest: Buffer<ArrayBufferLike> = Buffer.alloc(0)
  let isStarted = false
  let statement: string | null = null
  let batchId: number | null = null
  let done: string | null = null
  return chunk => {
    const data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    const units: Unit[] = []
    let at = 0
    let from = 0
    const push = (until: number, what: string) => {
      if (until > from) units.push({ bytes: data.subarray(from, until), what, batchId, jobId: null })
      from = until
    }
    while (at < data.length) {
      const head = isStarted ? 1 : 0
      if (data.length < at + head + 4) break
      const length = data.readUInt32BE(at + head)
      const end = at + head + length
      if (end > data.length) break
      const body = data.subarray(at + head + 4, end)
      const type = isStarted ? String.fromCharCode(data[at] as number) : ''
      isStarted = true
      if (type === 'Q') {
        const text = body.toString('latin1', 0, Math.min(body.length - 1, 40))
        // Reset at the end of every transaction, so that its work is not attributed to the next one.
        if (text.startsWith('begin')) {
          done = null
          batchId = null
        }
        if (text === 'commit') {
          push(at, '')
          push(end, `commit ${done ?? ''}`)
        }
      } else if (type === 'P') {
        statement = markOf(body)
      } else if (type === 'B' && statement !== null) {
        batchId = firstParameter(body)
      } else if (type === 'E' && statement !== null) {
        push(at, '')
        done = statement
        push(end, `execute ${statement}`)
        statement = null
      }
      at = end
    }
    push(at, '')
    rest = data.subarray(at)
    return units
  }
}

function markOf(parse: Buffer): string | null {
  const name = parse.indexOf(0)
  const text = parse.toString('latin1', name + 1, Math.min(parse.length, name + 1000))
  if (!text.startsWith('update kki.batch b')) return null
  return marks.find(([pattern]) => pattern.test(text))?.[1] ?? null
}

/** The first parameter of a `Bind` message, which is the batch's id in all relevant statements. */
function firstParameter(bind: Buffer): number | null {
  const portal = bind.indexOf(0)
  let at = bind.indexOf(0, portal + 1) + 1
  at += 2 + 2 * bind.readInt16BE(at) + 2
  const length = bind.readInt32BE(at)
  return length > 0 ? Number(bind.toString('latin1', at + 4, at + 4 + length)) : null
}

/** Reads HTTP/1.1 requests, a unit for each, with its request line, and its batch or job from the request id. */
export function httpReader(): UnitReader {
  let rest: Buffer<ArrayBufferLike> = Buffer.alloc(0)
  return chunk => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    const units: Unit[] = []
    for (;;) {
      const headEnd = rest.indexOf('\r\n\r\n')
      if (headEnd < 0) return units
      const head = rest.toString('latin1', 0, headEnd)
      const end = headEnd + 4 + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
      if (rest.length < end) return units
      const bytes = rest.subarray(0, end)
      rest = rest.subarray(end)
      const requestId = /^x-request-id: *(\S+)/im.exec(head)?.[1] ?? ''
      const method = /sync_[a-z_]+/.exec(bytes.toString('latin1', headEnd, headEnd + 4000))?.[0] ?? ''
      const batch = /^batch-(\d+)$/.exec(requestId)?.[1]
      units.push({
        bytes,
        what: `${head.slice(0, head.indexOf(' HTTP/'))} ${method}`.trimEnd(),
        batchId: batch === undefined ? null : Number(batch),
        jobId: /^odoo-([0-9a-f-]{36})$/.exec(requestId)?.[1] ?? null
      })
    }
  }
}
