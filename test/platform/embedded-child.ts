// Starts the embedded database in the folder of its first argument, as a separate process, and keeps running.
import pino from 'pino'
import { type Account, usableBinaries } from '../../sidecar/platform/embedded-binaries.ts'
import { startEmbeddedDatabase } from '../../sidecar/platform/embedded-database.ts'

const [directory = '', uid, binariesFolder = ''] = process.argv.slice(2)
const logger = pino({ level: 'silent' })
let binaries: string | undefined
if (uid) {
  // Read and prepared while still root: the checkout itself may be closed to others.
  const account: Account = { uid: Number(uid), gid: Number(uid) }
  binaries = await usableBinaries(account, binariesFolder)
  process.chdir('/')
  process.setgroups?.([Number(uid)])
  process.setgid?.(Number(uid))
  process.setuid?.(Number(uid))
}
const database = await startEmbeddedDatabase({
  directory,
  logger,
  settings: { shared_buffers: '16MB' },
  ...(binaries && { binaries })
})
process.send?.({ url: database.url, adopted: database.adopted })
process.once('message', async () => {
  await database.stop()
  process.disconnect()
})
