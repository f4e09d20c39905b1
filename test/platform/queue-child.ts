// Takes a job of the queue `kki-fetch` of the database in its first argument, says so, and never finishes it.
import pino from 'pino'
import { createQueue } from '../../sidecar/platform/queue.ts'

const queue = await createQueue({ url: process.argv[2] ?? '', shutdownTimeoutSeconds: 1 }, pino({ level: 'silent' }))
await queue.work('kki-fetch', () => new Promise(() => process.send?.('busy')), { concurrency: 1 })
process.send?.('ready')
