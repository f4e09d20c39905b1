import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import { RequestInvalid } from '../errors.ts'
import { allProfessions, listWatermarks, type Watermark } from './watermark.ts'

/** What an operator asks for. */
export interface WatermarkOrder {
  position: Date
  /** A profession code of SDMK; absent moves every watermark. */
  profession?: string | undefined
  /** Move forward as well: what KKI changed in between is then fetched by no incremental run. */
  skipGap?: boolean | undefined
  reason: string
}

export interface WatermarkMove {
  partition: string
  from: Date
  to: Date
}

/**
 * Moves watermarks to a time, within the caller's transaction, and returns which ones moved. Without `skipGap` they only move
 * back: the next incremental run then fetches from there on.
 *
 * A batch that is under way keeps its window. It moves the watermark again only if its window begins before the new one.
 * @throws RequestInvalid
 */
export async function moveWatermarks(
  client: pg.ClientBase,
  { position, profession, skipGap, reason }: WatermarkOrder,
  caller: Caller
): Promise<WatermarkMove[]> {
  await client.query('lock table kki.watermark in share row exclusive mode')
  const { rows } = await client.query<{ isAhead: boolean }>('select $1::timestamptz > now() as "isAhead"', [position])
  if (rows[0]?.isAhead) throw new RequestInvalid('time', 'must not be in the future')
  const targets = targetsOf(await listWatermarks(client), position, profession)
  const later = targets.filter(watermark => watermark.position > position)
  const earlier = targets.filter(watermark => watermark.position < position)
  const moved = skipGap ? [...later, ...earlier] : later
  if (moved.length === 0 && earlier.length > 0) {
    const reached = earlier.map(watermark => watermark.position.toISOString()).sort()[0]
    throw new RequestInvalid(
      'time',
      `is later than the watermark, which is ${reached}; what KKI changed in between would not be fetched. ` +
        'Add --skip-gap if that is meant'
    )
  }
  if (moved.length === 0) return []
  const partitions = moved.map(({ partition }) => partition)
  await client.query('update kki.watermark set position = $2, moved_at = now() where partition = any ($1)', [
    partitions,
    position
  ])
  const moves = moved.map(({ partition, position: from }) => ({ partition, from, to: position }))
  await recordAudit(client, {
    ...caller,
    action: 'watermark.set',
    detail: { reason, skipGap: skipGap ?? false, moves }
  })
  return moves
}

function targetsOf(watermarks: Watermark[], position: Date, profession: string | undefined): Watermark[] {
  if (watermarks.length === 0) {
    throw new RequestInvalid('time', 'there is no watermark yet; the first run fetches everything')
  }
  if (profession === undefined) return watermarks
  const own = watermarks.filter(({ partition }) => partition === profession)
  if (own.length === 0)
    throw new RequestInvalid('profession', 'has no watermark of its own; "sdmk watermark" lists all')
  const common = watermarks.find(({ partition, isAhead }) => partition === allProfessions && !isAhead)
  if (common && profession !== allProfessions && common.position > position) {
    throw new RequestInvalid(
      'profession',
      `has no effect: the watermark of all professions, ${common.position.toISOString()}, counts for it too`
    )
  }
  return own
}
