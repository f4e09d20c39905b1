import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  batchKinds,
  batchStates,
  openStates,
  restingStates,
  statesWithOutcomes,
  underWayStates,
  walkKinds
} from '../../sidecar/batch-terms.ts'
import { deactivatedStatuses, registrationStatuses, statedStatuses } from '../../sidecar/registration-terms.ts'
import { batchMoves } from '../../sidecar/sync/batch.ts'
import { createTestDatabase } from '../helpers/database.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string) => readFileSync(`${root}/${file}`, 'utf8')
const sorted = (words: readonly string[]) => [...words].sort()

const sets = {
  'kki.is_under_way': { of: batchStates, set: underWayStates },
  'kki.is_open': { of: batchStates, set: openStates },
  'kki.has_outcomes': { of: batchStates, set: statesWithOutcomes },
  'kki.is_walk': { of: batchKinds, set: walkKinds },
  'sdmk.is_deactivated': { of: registrationStatuses, set: deactivatedStatuses }
}

/** Returns each list of quoted words in a text. */
function lists(text: string): string[][] {
  const found = text.match(/(['"])\w+\1(?:,\s*(['"])\w+\2)+/g) ?? []
  return found.map(list => list.match(/\w+/g) ?? [])
}

/** Returns the words of a list of pairs or of words in Python. */
function pythonList(file: string, name: string): string[] {
  const [, list] = new RegExp(`^${name} = (\\[.*?^\\]|\\(.*?\\))$`, 'ms').exec(read(file)) ?? []
  assert.ok(list, `${file} has no ${name}`)
  return (list.startsWith('[') ? list.match(/(?<=\(")\w+/g) : list.match(/\w+/g)) ?? []
}

describe('states and statuses', () => {
  test('each set is the same in SQL and TypeScript', async t => {
    const { pool } = await createTestDatabase(t)
    for (const [name, { of, set }] of Object.entries(sets)) {
      const { rows } = await pool.query(
        `select array_agg(word) as words from unnest($1::text[]) word where ${name}(word)`,
        [of]
      )
      assert.deepEqual(sorted(rows[0].words), sorted(set), name)
    }
    const { rows } = await pool.query(
      `select array_agg(word) as words from unnest($1::text[]) word where sdmk.is_urgent(word)`,
      [registrationStatuses]
    )
    assert.deepEqual(sorted(rows[0].words), sorted(deactivatedStatuses.filter(status => status !== 'expired')))
  })

  test('columns accept exactly the words of TypeScript', async t => {
    const { pool } = await createTestDatabase(t)
    const columns: [constraint: string, words: readonly string[]][] = [
      ['batch_state_known', batchStates],
      ['batch_kind_known', batchKinds],
      ['run_mode_known', batchKinds],
      ['registration_status_known', registrationStatuses],
      ['registration_stated_status_known', [...statedStatuses, 'unknown']]
    ]
    for (const [constraint, words] of columns) {
      const { rows } = await pool.query(
        'select pg_get_constraintdef(oid) as text from pg_constraint where conname = $1',
        [constraint]
      )
      assert.deepEqual(sorted(rows[0].text.match(/(?<=')\w+(?=')/g)), sorted(words), constraint)
    }
  })

  test('partial indexes serve queries that name a set', async t => {
    const { pool } = await createTestDatabase(t)
    const client = await pool.connect()
    try {
      await client.query('begin; set local enable_seqscan = off')
      const plan = async (condition: string) => {
        const { rows } = await client.query(`explain select from kki.run where mode = 'full' and ${condition}`)
        return JSON.stringify(rows)
      }
      assert.match(await plan('finished_at is null and kki.is_walk(mode)'), /run_open_uniq/)
      assert.match(await plan(`finished_at is null and mode in ('incremental', 'window', 'full')`), /run_open_uniq/)
      assert.doesNotMatch(await plan('kki.is_walk(mode)'), /run_open_uniq/)
      assert.doesNotMatch(await plan('kki.is_walk(mode)'), /kki\.is_walk/, 'it is not inlined')
      await client.query('rollback')
    } finally {
      client.release()
    }
  })

  test('Odoo has the same words and sets', () => {
    const batch = 'odoo_addons/sdmk_integration_kki/models/sdmk_batch.py'
    assert.deepEqual(pythonList(batch, 'STATES'), [...batchStates])
    assert.deepEqual(pythonList(batch, 'KINDS'), [...batchKinds])
    assert.deepEqual(pythonList(batch, 'UNDER_WAY'), [...underWayStates])
    const registration = 'odoo_addons/sdmk_core/models/sdmk_registration.py'
    assert.deepEqual(pythonList(registration, 'STATUSES'), [...registrationStatuses])
  })

  test('Odoo’s screens list whole sets, or batches that no job works on', () => {
    const named: string[] = [openStates, underWayStates, statesWithOutcomes].map(set => sorted(set).join())
    let seen = 0
    for (const file of globSync('odoo_addons/*/{views,static/src,wizards}/**/*.{xml,js}', { cwd: root })) {
      for (const list of lists(read(file))) {
        if (list.every(word => (batchKinds as readonly string[]).includes(word))) {
          assert.deepEqual(sorted(list), sorted(walkKinds), file)
        }
        if (!list.every(word => (batchStates as readonly string[]).includes(word))) continue
        seen++
        const isNamed = named.includes(sorted(list).join())
        const isAtRest = list.every(word => (restingStates as readonly string[]).includes(word))
        assert.ok(isNamed || isAtRest, `${file}: ${list.join(', ')}`)
      }
    }
    assert.ok(seen >= 4, 'the screens were read')
    const ended = /name="ended".*\('status', 'in', \(([^)]*)\)\)/.exec(
      read('odoo_addons/sdmk_core/views/sdmk_registration_views.xml')
    )
    assert.deepEqual(sorted(ended?.[1]?.match(/\w+/g) ?? []), sorted(deactivatedStatuses))
  })

  test('no other file lists a set again', () => {
    const known = new Map(Object.values(sets).map(({ set }) => [sorted(set).join(), set]))
    known.set('deceased,inactive,revoked,suspended', deactivatedStatuses)
    const definitions = /^sidecar\/(?:migrations\/|batch-terms|registration-terms)/
    const files = globSync('{sidecar,bench,chaos,observability}/**/*.{ts,sql}', { cwd: root })
    assert.ok(files.length > 300, 'the files were found')
    for (const file of files.filter(name => !definitions.test(name))) {
      for (const list of lists(read(file))) assert.ok(!known.has(sorted(list).join()), `${file}: ${list.join(', ')}`)
    }
  })

  test('every state is either open or final, and a batch leaves only open ones', () => {
    assert.deepEqual(sorted([...underWayStates, ...restingStates]), sorted(batchStates))
    const moving = batchStates.filter(state => batchMoves[state].some(next => next !== 'undone'))
    assert.deepEqual(moving, [...openStates])
  })
})
