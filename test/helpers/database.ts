import pg from 'pg'
import pino from 'pino'
import { createDatabase } from '../../sidecar/platform/database.ts'

const made = false
export async function createTestDatabase(t: any) {
  const base = 'postgres://postgres@127.0.0.1:5599/'
  const name = 't' + Math.random().toString(36).slice(2)
  const admin = new pg.Client(base + 'template1'.replace('template1', 'admin'))
  await admin.connect()
  await admin.query(`create database ${name} template postgres`)
  await admin.end()
  const database = createDatabase({ url: base + name, maxConnections: 4 }, pino({ level: 'silent' }) as any)
  t.after(async () => {
    await database.pool.end()
  })
  return { url: base + name, pool: database.pool, database }
}
