import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Unit, UnitReader } from './wire.ts'

/** A unit of a conversation that a gate has stopped, which shows that a step was reached. */
export interface Hold {
  unit: Unit
  /** When it was stopped, in milliseconds since the epoch. */
  at: number
  /** The port of the proxy's own socket at the peer: it identifies the backend in PostgreSQL. */
  localPort: number
  /** True once either side has disconnected; a release then has no effect. */
  readonly isGone: boolean
  /** Lets it pass. */
  release(): void
  /** Lets the request pass and interrupts the answer after so many bytes. */
  releaseAndCutAfter(bytes: number): void
  /** Sends this answer instead of the peer; the peer never sees the request. */
  answer(bytes: Buffer): void
  /** Closes the connection in both directions. */
  cut(): void
}

/** Decides whether to stop a unit: before it is forwarded, or by holding back the peer's answer. */
export type Gate = (unit: Unit) => 'request' | 'reply' | null

interface Conversation {
  client: net.Socket
  server: net.Socket
  /** A request was forwarded and none of its answer has arrived yet. */
  isAsked: boolean
  cut(): void
}

/** A proxy between one replica and one peer. Everything passes in order; a gate may stop one unit. */
export class ChaosProxy {
  readonly #read: () => UnitReader
  readonly #server = net.createServer({ allowHalfOpen: false }, client => this.#accept(client))
  readonly #conversations = new Set<Conversation>()
  #gate: { matches: Gate; onHit: (hold: Hold) => void } | null = null
  target: { host: string; port: number }
  /** Rejects new connections. */
  isDown = false
  /** Delays every piece of an answer by this time. */
  replyDelayMs = 0

  constructor(target: { host: string; port: number }, read: () => UnitReader) {
    this.target = target
    this.#read = read
  }

  async listen(): Promise<number> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as net.AddressInfo).port
  }

  /** Stops the first unit that the gate selects, and no later one. */
  arm(matches: Gate, onHit: (hold: Hold) => void): void {
    this.#gate = { matches, onHit }
  }

  disarm(): void {
    this.#gate = null
  }

  /** Closes all connections. */
  cutAll(): void {
    for (const conversation of [...this.#conversations]) conversation.cut()
  }

  /** Closes all connections and rejects new ones until `up`. */
  down(): void {
    this.isDown = true
    this.cutAll()
  }

  up(): void {
    this.isDown = false
    this.replyDelayMs = 0
  }

  /** The ports of the proxy's own sockets at the peer. */
  localPorts(): number[] {
    return [...this.#conversations].flatMap(({ server }) => server.localPort ?? [])
  }

  /** True while a request has no answer yet. */
  get isBusy(): boolean {
    return [...this.#conversations].some(({ isAsked }) => isAsked)
  }

  close(): void {
    this.#server.close()
    this.cutAll()
  }

  #accept(client: net.Socket): void {
    if (this.isDown) return void client.resetAndDestroy()
    const server = net.connect(this.target)
    const gone = Promise.withResolvers<void>()
    let isGone = false
    const conversation: Conversation = {
      client,
      server,
      isAsked: false,
      cut: () => {
        client.resetAndDestroy()
        server.destroy()
        end()
      }
    }
    const end = () => {
      isGone = true
      gone.resolve()
      this.#conversations.delete(conversation)
      client.destroy()
      server.destroy()
    }
    this.#conversations.add(conversation)
    for (const socket of [client, server]) socket.setNoDelay(true).on('error', end)
    client.on('close', end)
    // Data that the peer sent before it disconnected must still be forwarded.
    server.on('close', () => void replies.then(end))

    let replyGate: Promise<void> | null = null
    let replyLimit = Number.POSITIVE_INFINITY
    let isAnswered = false
    let requests = Promise.resolve()
    let replies = Promise.resolve()
    let hitReply: (() => void) | null = null

    const holdFor = (unit: Unit): { hold: Hold; released: Promise<void> } => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const hold: Hold = {
        unit,
        at: Date.now(),
        localPort: server.localPort ?? 0,
        get isGone() {
          return isGone
        },
        release: resolve,
        releaseAndCutAfter(bytes) {
          replyLimit = bytes
          resolve()
        },
        answer(bytes) {
          isAnswered = true
          client.write(bytes)
          resolve()
        },
        cut: conversation.cut
      }
      return { hold, released: Promise.race([promise, gone.promise]) }
    }

    const reader = this.#read()
    client.on('data', chunk => {
      const units = reader(chunk)
      requests = requests.then(async () => {
        for (const unit of units) {
          const gate = this.#gate
          const where = gate?.matches(unit)
          if (gate && where) {
            this.#gate = null
            const { hold, released } = holdFor(unit)
            if (where === 'request') {
              gate.onHit(hold)
              await released
            } else {
              replyGate = released
              hitReply = () => {
                hold.at = Date.now()
                gate.onHit(hold)
              }
            }
          }
          if (isGone) return
          if (isAnswered) {
            isAnswered = false
            continue
          }
          conversation.isAsked = true
          server.write(unit.bytes)
        }
      })
    })
    server.on('data', chunk => {
      replies = replies.then(async () => {
        if (replyGate) {
          // The peer has executed the request: its answer is here, and the replica does not know it.
          hitReply?.()
          await replyGate
          replyGate = null
        }
        if (this.replyDelayMs > 0) await Promise.race([wait(this.replyDelayMs), gone.promise])
        if (isGone) return
        conversation.isAsked = false
        if (chunk.length > replyLimit) {
          client.write(chunk.subarray(0, replyLimit), () => conversation.cut())
          return
        }
        replyLimit -= chunk.length
        client.write(chunk)
      })
    })
  }
}
