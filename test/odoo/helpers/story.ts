import assert from 'node:assert/strict'
import type { BatchBody, RunBody } from '../../../sidecar/api/schemas.ts'
import { type Connector, inject, kkiRecord } from '../../e2e/helpers.ts'
import type { Operations } from './operators.ts'
import type { Shown } from './screens.ts'

/** The NIK of the story's person; invented like all people. */
export const storyNik = '3171014502900777'

/**
 * Fills a registry so that each screen has something to show: people of KKI's list, a row that is not its STR's person,
 * and a batch that would end many licences and waits.
 */
export async function tellStory({ connector, settle }: Operations): Promise<Shown> {
  const { simulator } = connector
  const ago = (minutes: number) => new Date(simulator.now() - minutes * 60_000).toISOString()
  const doctor = kkiRecord({
    nama: 'dr. Siti Aminah',
    nik: storyNik,
    tanggal_lahir: '1990-02-05',
    diubah_pada: ago(300)
  })
  const many = Array.from({ length: 40 }, () => kkiRecord({ diubah_pada: ago(300) }))
  await inject(simulator, [{ id: 'siti', record: doctor }, ...many.map((record, i) => ({ id: `many-${i}`, record }))])
  await applied(connector, {})

  const conflict = { ...doctor, nik: '3171014502900888', nama: 'Siti Rahmawati', diubah_pada: ago(200) }
  await inject(simulator, [{ id: 'siti', record: conflict }])
  await applied(connector, {})

  const revoked = many.slice(0, 25).map((record, i) => ({
    id: `many-${i}`,
    record: { ...record, status_str: 'DICABUT', diubah_pada: ago(100) }
  }))
  await inject(simulator, revoked)
  const run = await connector.run({})
  assert.equal(run.state, 'held')
  await settle()

  const { body } = await connector.call('GET', '/v1/rejections?state=open&code=IDENTITY_CONFLICT')
  const [rejection] = (body as { items: { id: number; candidates: number[] }[] }).items
  assert.ok(rejection)
  return {
    heldBatch: (run.batches[0] as BatchBody).id,
    rejection: rejection.id,
    worker: rejection.candidates[0] as number
  }
}

async function applied(connector: Connector, body: object): Promise<RunBody> {
  const run = await connector.run(body)
  assert.equal(run.state, 'applied')
  return run
}
