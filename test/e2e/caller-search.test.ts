import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { callerSpellings, injectCallerPeople } from './caller-people.ts'
import { type Connector, startConnector } from './helpers.ts'

interface Found {
  id: number
  name: string
  registrations: { strNumber: string }[]
}

describe('a caller asks for a health worker', () => {
  let connector: Connector
  const hooks: (() => unknown)[] = []

  before(async () => {
    connector = await startConnector({
      after: (hook: () => unknown) => void hooks.push(hook)
    } as unknown as TestContext)
    await injectCallerPeople(connector)
  })
  after(async () => {
    for (const hook of hooks) await hook()
  })

  async function search(body: object): Promise<{ status: number; items: Found[]; next: number | null }> {
    const { status, body: answer } = await connector.call('POST', '/v1/health-workers/search', body)
    return { status, ...(answer as { items: Found[]; next: number | null }) }
  }

  for (const { told, meant } of callerSpellings) {
    test(`“${told}” finds ${meant.name} first`, async () => {
      const { items } = await search({ caller: told })
      assert.equal(items[0]?.registrations[0]?.strNumber, meant.str, JSON.stringify(items.map(({ name }) => name)))
    })
  }

  test('nobody is found for a name that nobody has, or for an STR that nobody holds', async () => {
    for (const text of ['Xaverius Kwee', 'Bagaskoro Adinegoro', '9999999999999999', 'ZZ99999999999999']) {
      assert.deepEqual((await search({ caller: text })).items, [], text)
    }
  })

  test('a search by STR and name does not find people of that STR with another name', async () => {
    const str = '3151500260000015'
    assert.equal((await search({ str, name: 'Siti Amina' })).items.length, 1)
    assert.equal((await search({ str, name: 'Togar Simanjuntak' })).items.length, 0)
    assert.equal((await search({ str: '1', name: 'Siti Aminah' })).items.length, 0)
  })

  test('an STR from a program never finds another STR that looks similar', async () => {
    assert.deepEqual((await search({ str: '3I4I4OO25OOOOOI4' })).items, [])
    assert.equal((await search({ str: 'str 3141-4002-5000-0014' })).items[0]?.name, 'Suharto')
  })

  test('pages follow each other without a person missing or coming twice', async () => {
    const whole = await search({ caller: 'Siti Aminah', limit: 100 })
    assert.ok(whole.items.length >= 2)
    const ids: number[] = []
    let after: number | null = 0
    while (after !== null) {
      const page: Awaited<ReturnType<typeof search>> = await search({ caller: 'Siti Aminah', limit: 1, after })
      assert.equal(page.items.length, 1)
      ids.push(...page.items.map(({ id }) => id))
      after = page.next
    }
    assert.deepEqual(
      ids,
      whole.items.map(({ id }) => id)
    )
  })

  test('an empty search is denied with the name of the field', async () => {
    for (const [body, field] of [
      [{}, '/body'],
      [{ caller: 'dr.' }, '/body/caller'],
      [{ caller: 'Siti', name: 'Siti' }, '/body/caller'],
      [{ name: '...' }, '/body/name'],
      [{ caller: 'a.n. Sp.A' }, '/body/caller']
    ] as const) {
      const { status, body: problem } = await connector.call('POST', '/v1/health-workers/search', body)
      assert.equal(status, 400, JSON.stringify(body))
      assert.deepEqual(
        (problem as { errors: { field: string }[] }).errors.map(error => error.field),
        [field]
      )
    }
  })
})
