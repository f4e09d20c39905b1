/**
 * Measures the time of a search among `--people` (default 2,000,000) through the API: by STR and by name, also misspelt and
 * common ones. With `--odoo` it also measures lists, forms and searches of Odoo in a browser, with `--rejected` rejected rows
 * and a batch of `--changes` changes on hold. The exit code is 1 if a search or a list takes over 1 s, or a form over 0.5 s.
 */
import { parseArgs } from 'node:util'
import { codesPayload, professionsPayload } from '../sidecar/odoo/words.ts'
import { shippedDescription } from '../sidecar/source/load.ts'
import { startTarget, tell } from './odoo/target.ts'
import { makeBatches } from './search/batches.ts'
import { measureScreens } from './search/browser.ts'
import { fillOdoo, fillRegistry, fillReview, nameOf, strOf } from './search/people.ts'
import { openWorld } from './world.ts'

const limitMs = 1000
const callsPerKind = 40

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '2000000' },
    changes: { type: 'string', default: '200000' },
    rejected: { type: 'string', default: '10000' },
    odoo: { type: 'boolean', default: false }
  }
})
const count = Number(values.people)
const changes = Number(values.changes)
const rejected = Number(values.rejected)
await using world = await openWorld({ rows: 1, env: { SDMK_RATE_LIMIT: '1000000', SDMK_BATCH_ROWS: '1000000' } })
console.error(`Making ${count.toLocaleString('en')} invented people …`)
await fillRegistry(world.pool, shippedDescription, count)

/** People of all ages of the table; the same in each run. */
const sample = Array.from({ length: callsPerKind }, (_, i) => 1 + Math.floor((i * (count - 1)) / callsPerKind))
const kinds: Record<string, (id: number) => string> = {
  STR: strOf,
  'STR with letters for digits': id => strOf(id).replaceAll('0', 'O'),
  name: nameOf,
  'name in another order': id => nameOf(id).split(' ').reverse().join(' ').toUpperCase(),
  'name in the old spelling': id => oldSpelling(nameOf(id)),
  'name without a letter': id => nameOf(id).replace(/(?<=\w{3})[nrstlmkd](?=\w)/, ''),
  'first and last word': id => [nameOf(id).split(' ')[0], nameOf(id).split(' ').at(-1)].join(' '),
  'one word': id => nameOf(id).split(' ').at(-1) as string,
  'nobody’s name': id => `Xaverius Kwee${'abcdefghij'[id % 10]}`
}
const oldSpelling = (name: string) =>
  name.replaceAll('u', 'oe').replaceAll('j', 'dj').replaceAll('y', 'j').replaceAll('c', 'tj')

const results = []
for (const [kind, tell] of Object.entries(kinds)) {
  const times: number[] = []
  let found = 0
  for (const id of sample) {
    const started = performance.now()
    const { items } = await world.call<{ items: { id: number; name: string }[] }>('/v1/health-workers/search', {
      caller: tell(id)
    })
    times.push(performance.now() - started)
    if (items.some(item => item.name === nameOf(id))) found++
  }
  times.sort((a, b) => a - b)
  const ms = (share: number) => Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0)
  const result = {
    search: kind,
    'found on the first page': `${found} of ${times.length}`,
    'median ms': ms(0.5),
    'slowest ms': ms(1)
  }
  console.error(Object.values(result).join(' · '))
  results.push(result)
}
console.log(`${count.toLocaleString('en')} people, ${callsPerKind} calls of each kind, one after the other`)
console.table(results)
if (results.some(result => result['slowest ms'] > limitMs)) process.exitCode = 1

if (values.odoo) {
  console.error(
    `Making ${rejected.toLocaleString('en')} rejected rows, and a batch of ${changes.toLocaleString('en')} changes …`
  )
  const { heldBatch } = await makeBatches(world, { rejected, changes })
  console.error('Filling an Odoo with the same people …')
  const target = await startTarget(world.ownerUrl, 'sdmk_integration_kki')
  try {
    await tell(target, await professionsPayload(world.pool))
    await tell(target, codesPayload())
    await fillOdoo(world.pool, target.client)
    await fillReview(world.pool, target.client)
    const { code, lines } = await target.odoo.shell(
      'sdmk_bench_odoo',
      `env['ir.config_parameter'].set_param('sdmk.sidecar.allowed_urls', '${world.sidecars[0].url}')
env['sdmk.sidecar']._connect('${world.sidecars[0].url}', '${world.apiKey}')
env.cr.commit()
`
    )
    if (code !== 0) throw new Error(lines.slice(-15).join('\n'))
    const id = sample[7] as number
    const searches = ['STR', 'name', 'name in the old spelling', 'name without a letter', 'one word'].map(
      kind => kinds[kind]?.(id) ?? ''
    )
    const waits = await measureScreens(target.url, {
      searches,
      heldBatch,
      changed: Math.min(changes, 1234),
      rejectedName: nameOf(changes + 1)
    })
    console.table(waits)
    if (waits.some(({ ms, limitMs }) => ms > limitMs)) process.exitCode = 1
  } finally {
    await target.close()
  }
}
