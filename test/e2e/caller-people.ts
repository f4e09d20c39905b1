import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type Connector, inject, kkiRecord } from './helpers.ts'

export interface CallerPerson {
  key: string
  /** As KKI writes it. */
  name: string
  str: string
}

const file = new URL('./caller-spellings.json', import.meta.url)
const { people, spellings } = JSON.parse(readFileSync(file, 'utf8')) as {
  people: CallerPerson[]
  spellings: { told: string; meant: string }[]
}
const byKey = new Map(people.map(person => [person.key, person]))

/** Spellings of callers, and the people that they mean. */
export const callerSpellings = spellings.map(({ told, meant }) => {
  const person = byKey.get(meant)
  assert.ok(person, `${told} means nobody of the file`)
  return { told, meant: person }
})

/** Fills a registry with the people of the file, through a run. */
export async function injectCallerPeople({ simulator, run }: Connector): Promise<void> {
  await inject(
    simulator,
    people.map(({ name, str }) => ({ record: kkiRecord({ nama: name, nomor_str: str }) }))
  )
  const { state, batches } = await run({})
  assert.equal(state, 'applied')
  assert.equal(
    batches.reduce((sum, { ledger }) => sum + ledger.created, 0),
    people.length
  )
}
