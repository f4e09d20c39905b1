import type { RunBody } from '../../sidecar/api/schemas.ts'
import type { World } from '../world.ts'
import { nameOf, strOf } from './people.ts'

/** Records that the simulated KKI takes in one request. */
const atATime = 5000
const hour = 3_600_000

export interface Batches {
  /** It was applied, and left the rejected rows. */
  rejectedBatch: number
  /** It is on hold, with all its changes. */
  heldBatch: number
}

/** Lets KKI send rows that contradict known people, then rows that change known people, in one batch each. */
export async function makeBatches(
  world: World,
  { rejected, changes }: { rejected: number; changes: number }
): Promise<Batches> {
  await put(world, 'conflict', changes, rejected, conflict)
  const first = await run(world)
  const rejectedBatch = first.batches[0]?.id as number
  if (first.state === 'held') await applyBatch(world, rejectedBatch)
  await put(world, 'change', 0, changes, change)
  const second = await run(world)
  const held = second.batches.find(({ state }) => state === 'held')
  if (held === undefined)
    throw new Error(`The run with all changes is ${second.state}, and none of its batches is held`)
  return { rejectedBatch, heldBatch: held.id }
}

/** Applies a batch as its plan is now. */
export async function applyBatch(world: World, id: number): Promise<void> {
  const { planDigest } = await world.call<{ planDigest: string }>(`/v1/batches/${id}`)
  await world.call(`/v1/batches/${id}/apply`, { planDigest, reason: 'a benchmark' })
  for (;;) {
    const { state } = await world.call<{ state: string }>(`/v1/batches/${id}`)
    if (state === 'applied') return
    if (state !== 'held') throw new Error(`Batch ${id} is ${state}`)
    await new Promise(resolve => setTimeout(resolve, 500))
  }
}

async function run(world: World): Promise<RunBody> {
  return world.followRun(await world.startRun({ mode: 'incremental' }))
}

async function put(
  world: World,
  kind: string,
  first: number,
  count: number,
  recordOf: (id: number) => Record<string, unknown>
): Promise<void> {
  for (let from = first + 1; from <= first + count; from += atATime) {
    const ids = Array.from({ length: Math.min(atATime, first + count + 1 - from) }, (_, i) => from + i)
    await world.kki.control(
      '/_records',
      ids.map(id => ({ id: `${kind}-${id}`, record: recordOf(id) }))
    )
  }
}

/** A row of the known person and licence, as `fillRegistry` stores them. */
const known = (id: number) => ({
  nomor_str: strOf(id),
  nik: null,
  nama: nameOf(id),
  profesi: id % 3 === 0 ? 'DOKTER' : 'PERAWAT',
  status_str: 'AKTIF',
  tempat_lahir: 'Bandung',
  tanggal_lahir: `${1950 + (id % 50)}-${String((id % 12) + 1).padStart(2, '0')}-${String((id % 28) + 1).padStart(2, '0')}`,
  jenis_kelamin: 'P',
  berlaku_sampai: null,
  diubah_pada: new Date(Date.now() - hour).toISOString()
})

/**
 * Another person’s row under a known STR: every tenth one would end the licence, and is urgent. Every fifth one cannot be
 * read: a search by name opens it.
 */
const conflict = (id: number) => ({
  ...known(id),
  nama: nameOf(id + 1_000_000_000),
  tanggal_lahir: id % 5 === 0 ? 'tidak diketahui' : '1949-05-05',
  ...(id % 10 === 1 && { status_str: 'DICABUT' })
})

/** Of ten rows three revoke an active licence, one renames its holder, and the others change a province. */
function change(id: number): Record<string, unknown> {
  const record = known(id)
  switch (id % 10) {
    case 1:
    case 2:
    case 3:
      return { ...record, status_str: 'DICABUT' }
    case 4:
      return { ...record, nama: `${record.nama} Baru` }
    default:
      return { ...record, provinsi: 'Bali' }
  }
}
