import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { type Licence, type Shape, type ShapedServer, shapes, startShaped } from '../source/helpers/shaped-servers.ts'
import { type Connector, startConnector, waitForRun } from './helpers.ts'

const count = 24
const hour = 3_600_000
/** Noon of a day in Jakarta, some days ago: a licence changes each hour from there. */
const start = Math.floor(Date.now() / (24 * hour)) * 24 * hour - 5 * 24 * hour + 5 * hour

/** Invented licences; the last two are of one person where the shape keeps them together. */
function inventLicences(): Licence[] {
  const licences = Array.from({ length: count }, (_, n): Licence => {
    const isMale = n % 3 !== 0
    const day = (n % 28) + 1
    const nikDay = String(isMale ? day : day + 40).padStart(2, '0')
    return {
      str: `EQ${String(n + 1).padStart(14, '0')}`,
      nik: `317101${nikDay}0190${String(n + 1).padStart(4, '0')}`,
      name: `Orang ${String.fromCharCode(65 + n)}adi Rekaan`,
      born: `1990-01-${String(day).padStart(2, '0')}`,
      isMale,
      isRevoked: false,
      changedAt: start + n * hour
    }
  })
  const [one, other] = licences.slice(-2) as [Licence, Licence]
  Object.assign(other, { ...one, str: other.str })
  return licences
}

interface Running {
  connector: Connector
  server: ShapedServer
  licences: Licence[]
  /** Makes the credentials that are used now invalid. */
  expire(): Promise<void>
}

async function startWith(t: Parameters<typeof startConnector>[0], shape: Shape): Promise<Running> {
  const licences = inventLicences()
  const server = await startShaped(t, shape, licences)
  const file = fileURLToPath(new URL(`../../${shape.file}`, import.meta.url))
  const connector = await startConnector(t, {
    env: { KKI_BASE_URL: server.url, KKI_SOURCE_FILE: file, KKI_PAGE_SIZE: '4', KKI_OVERLAP: '0' }
  })
  const secrets = createFileSecretStore(connector.secretsDir)
  await secrets.write('kki', shape.secret)
  const expire = async () => {
    server.generation++
    if (shape.nextSecret) await secrets.write('kki', shape.nextSecret)
  }
  return { connector, server, licences, expire }
}

async function readRegistry({ connector }: Running): Promise<unknown[]> {
  const { rows } = await connector.pool.query(
    `select r.str_number as str, h.name, to_char(h.birth_date, 'YYYY-MM-DD') as born, h.sex, r.status, r.source_at as "changedAt"
    from sdmk.registration r join sdmk.health_worker h on h.id = r.health_worker_id order by 1`
  )
  return rows.map(row => ({ ...row, changedAt: row.changedAt.getTime() }))
}

function expectedRegistry(licences: readonly Licence[]): unknown[] {
  return licences.map(({ str, name, born, isMale, isRevoked, changedAt }) => ({
    str,
    name,
    born,
    sex: isMale ? 'male' : 'female',
    status: isRevoked ? 'revoked' : 'active',
    changedAt
  }))
}

test('each description among the examples is used by a test', () => {
  const folder = fileURLToPath(new URL('../../contracts/sources/examples', import.meta.url))
  const files = readdirSync(folder).filter(name => name.endsWith('.json'))
  const used = shapes.map(({ file }) => file)
  for (const name of files) assert.ok(used.includes(`contracts/sources/examples/${name}`), name)
})

for (const shape of shapes) {
  describe(`a source like ${shape.name}`, () => {
    test('is read completely although its credentials expire and the first attempt is lost, and is unchanged in a second run', async t => {
      const running = await startWith(t, shape)
      const { connector, server, licences, expire } = running
      if (shape.expires) server.before.set(3, expire)
      await loseFirstAttempt(connector)

      const run = await connector.run({ mode: 'full' })

      const [batch] = run.batches as [BatchBody]
      assert.deepEqual(
        [run.state, batch.ledger.fetched, batch.ledger.rejected],
        ['applied', count, 0],
        JSON.stringify(run)
      )
      assert.deepEqual(await readRegistry(running), expectedRegistry(licences))
      assert.equal(server.generation, shape.expires ? 2 : 1)
      const again = await connector.run({ mode: 'full' })
      assert.deepEqual([again.state, again.batches[0]?.ledger.unchanged], ['applied', count])
      Object.assign(server.licences[3] as Licence, { isRevoked: true, changedAt: start + 2 * 24 * hour })
      const ended = await connector.run({ mode: 'full' })
      assert.deepEqual([ended.batches[0]?.ledger.updated, ended.batches[0]?.ledger.unchanged], [1, count - 1])
      assert.deepEqual(await readRegistry(running), expectedRegistry(licences))
    })

    test('is asked for a window, and returns only its rows', async t => {
      const running = await startWith(t, shape)
      const { connector, licences } = running
      const changedSince = licences[5]?.changedAt as number
      const changedUntil = licences[12]?.changedAt as number

      const run = await connector.run({
        mode: 'window',
        changedSince: new Date(changedSince).toISOString(),
        changedUntil: new Date(changedUntil).toISOString()
      })

      assert.deepEqual([run.state, run.batches[0]?.ledger.fetched], ['applied', 7], JSON.stringify(run))
      assert.deepEqual(await readRegistry(running), expectedRegistry(licences.slice(5, 12)))
    })

    test('reports a wrong request: the batch fails, and a later run loses nothing', async t => {
      const running = await startWith(t, shape)
      const { connector, server, licences } = running
      server.instead.set(3, shape.stop)

      const failed = await connector.run({ mode: 'full' })

      assert.deepEqual([failed.state, failed.batches[0]?.error?.code], ['failed', 'KKI_DENIED'], JSON.stringify(failed))
      server.instead.clear()
      const run = await connector.run({ mode: 'full' })
      assert.equal(run.state, 'applied')
      assert.deepEqual(await readRegistry(running), expectedRegistry(licences))
    })

    if (shape.tryLater) {
      test('asks for a later request with status 200, and gets one', async t => {
        const { connector, server } = await startWith(t, shape)
        server.instead.set(3, shape.tryLater as NonNullable<Shape['tryLater']>)

        const run = await connector.run({ mode: 'full' })

        assert.deepEqual([run.state, run.batches[0]?.ledger.fetched], ['applied', count])
      })
    }
  })
}

test('a source that cannot be asked by STR is asked for the window since the oldest row that was rejected', async t => {
  const shape = shapes.find(({ name }) => name === 'link-header-basic') as Shape
  const running = await startWith(t, shape)
  const { connector, server, licences } = running
  const broken = server.licences[7] as Licence
  const { name, changedAt } = broken
  broken.name = '-'
  await connector.run({ mode: 'full' })
  const { rows } = await connector.pool.query(`select id from kki.rejection where state = 'open'`)
  assert.equal(rows.length, 1)
  Object.assign(broken, { name, changedAt: changedAt + 60_000 })

  const order = await connector.call('POST', '/v1/rejections/retry', { ids: [rows[0]?.id] })

  assert.equal(order.status, 202, JSON.stringify(order.body))
  const { runId, asked } = order.body as { runId: number; asked: number }
  const run = await waitForRun(id => connector.call('GET', `/v1/runs/${id}`), runId)
  assert.deepEqual([asked, run.mode, run.state], [1, 'window', 'applied'])
  assert.equal(Date.parse(run.changedSince ?? ''), changedAt)
  assert.deepEqual(await readRegistry(running), expectedRegistry(licences))
  const { rows: open } = await connector.pool.query(`select from kki.rejection where state = 'open'`)
  assert.equal(open.length, 0)
})

/** Makes the first update of a batch with four staged pages fail, like a lost connection. */
async function loseFirstAttempt({ pool }: Connector): Promise<void> {
  await pool.query(`
    create sequence kki.attempt;
    create function kki.lose_attempt() returns trigger language plpgsql security definer as $$
    begin
      if nextval('kki.attempt') = 1 then raise exception 'the connection is lost'; end if;
      return new;
    end $$;
    create trigger lose_attempt before update on kki.batch for each row
      when (old.pages = 4 and new.pages > 4) execute function kki.lose_attempt();
  `)
}
