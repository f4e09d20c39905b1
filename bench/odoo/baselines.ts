import OdooAwait from 'odoo-await'
import type pg from 'pg'
import { runScript } from '../../tools/odoo/script.ts'
import { type Row, readPairs } from './people.ts'
import { database, type Target } from './target.ts'

const personModel = 'sdmk.health.worker'
const registrationModel = 'sdmk.registration'

/** Records per second. */
export type Rate = number

/**
 * A naive connector: odoo-await, and for each record a search by its key, then a create or a write of this record
 * alone.
 */
export async function naiveConnector(pool: pg.Pool, target: Target, people: number): Promise<Rate> {
  const client = await signIn(target)
  const pairs = await readPairs(pool, people)
  const store = async (model: string, key: Row, values: Row) => {
    const [known] = await client.search(model, key as never)
    if (known === undefined) return client.create(model, values)
    await client.update(model, known, values)
    return known
  }
  return rateOf(people * 2, async () => {
    for (const { person, registration } of pairs) {
      const { name, birth_date } = person
      const health_worker_id = await store(personModel, { name, birth_date }, person)
      const { str_number } = registration
      await store(registrationModel, { str_number }, { ...registration, health_worker_id })
    }
  })
}

/** One create for each record, over XML-RPC, without a search first. */
export async function createEach(pool: pg.Pool, target: Target, people: number): Promise<Rate> {
  const client = await signIn(target)
  const pairs = await readPairs(pool, people)
  return rateOf(people * 2, async () => {
    for (const { person, registration } of pairs) {
      const health_worker_id = await client.create(personModel, person)
      await client.create(registrationModel, { ...registration, health_worker_id })
    }
  })
}

/** A scheduled action of Odoo that already has the rows: in one transaction, search, then create or write. */
export async function scheduledAction(pool: pg.Pool, target: Target, people: number): Promise<Rate> {
  const pairs = await readPairs(pool, people)
  const seconds = (await runScript(
    target.odoo,
    database,
    `
import time
people = env["${personModel}"]
registrations = env["${registrationModel}"]
def store(model, key, values):
    known = model.search([(name, "=", values[name]) for name in key], limit=1)
    if known:
        known.write(values)
        return known
    return model.create(values)
started = time.perf_counter()
for pair in given:
    known = store(people, ("name", "birth_date"), pair["person"])
    store(registrations, ("str_number",), {**pair["registration"], "health_worker_id": known.id})
env.flush_all()
env.cr.commit()
result = time.perf_counter() - started
`,
    pairs
  )) as number
  return (people * 2) / seconds
}

async function signIn({ url, admin }: Target): Promise<OdooAwait> {
  const client = new OdooAwait({ baseUrl: url, db: database, username: admin.login, password: admin.apiKey })
  await client.connect()
  return client
}

async function rateOf(records: number, work: () => Promise<void>): Promise<Rate> {
  const started = performance.now()
  await work()
  return records / ((performance.now() - started) / 1000)
}
