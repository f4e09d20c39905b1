import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { peoplePayload } from '../../sidecar/odoo/payloads.ts'
import { inject, kkiRecord, startConnector } from './helpers.ts'

const first = '3171015507909357'
const second = '3171015507908642'

describe('an attacker who wants the digits of a NIK', () => {
  test('learns from answers, messages to Odoo and columns only the digits that birth date and sex determine', async t => {
    const { call, pool, run, simulator } = await startConnector(t)
    const person = {
      nama: 'Siti Rekaan',
      tanggal_lahir: '1990-07-15',
      jenis_kelamin: 'P',
      nomor_str: 'AB00000000000001'
    }
    const tell = async (nik: string, nama: string, minutes: number) => {
      const diubah_pada = new Date(simulator.now() - minutes * 60_000).toISOString()
      await inject(simulator, [{ id: 'siti', record: kkiRecord({ ...person, nama, nik, diubah_pada }) }])
      return (await run({})).batches[0]?.id
    }
    const get = async (url: string) => (await call('GET', url)).body
    const batch = await tell(first, 'Siti Rekaan', 200)
    await tell(second, 'Ratna Lain', 100)
    const { body: found } = await call('POST', '/v1/health-workers/search', { str: person.nomor_str })
    const [worker] = (found as { items: { id: number; version: number }[] }).items
    const { items: rejections } = (await get('/v1/rejections?state=open')) as { items: { id: number }[] }
    assert.ok(worker && rejections[0])
    const detail = (await get(`/v1/rejections/${rejections[0].id}`)) as {
      people: { hasNik: boolean }[]
      rows: { reading: { hasNik: boolean }; comparisons: { differed: string[] }[] }[]
    }
    assert.deepEqual([detail.people[0]?.hasNik, detail.rows[0]?.reading.hasNik], [true, true])
    assert.ok(detail.rows[0]?.comparisons[0]?.differed.includes('nik'))
    const edited = await call(
      'PATCH',
      `/v1/health-workers/${worker.id}`,
      { nik: second, reason: 'A test' },
      { 'if-match': `"${worker.version}"` }
    )
    assert.equal(edited.status, 200)
    const { rows: stored } = await pool.query(
      `select to_jsonb(h) - '{nik_digest,nik_sealed}'::text[] as row from sdmk.health_worker h
    union all select to_jsonb(f) - '{nik_digest,nik_sealed}'::text[] from sdmk.former_nik f
    union all select to_jsonb(c) #- '{health_worker_before,nik_digest}' #- '{health_worker_before,nik_sealed}' from kki.change c`
    )
    assert.ok(stored.length > 3)
    const told = [
      found,
      detail,
      edited.body,
      rejections,
      stored,
      await get(`/v1/health-workers/${worker.id}`),
      await get(`/v1/batches/${batch}/changes`),
      (await peoplePayload(pool, { people: [worker.id], registrations: [] })).payload
    ]
    const text = JSON.stringify(told)
    assert.match(text, /has_nik/)
    for (const digits of ['9357', '8642', '*57', '*42']) assert.ok(!text.includes(digits), digits)
  })
})
