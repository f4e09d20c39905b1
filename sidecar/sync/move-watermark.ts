import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import { RequestInvalid } from '../errors.ts'
import { readWatermark, setWatermark } from './watermark.ts'

/** An operator's order. */
export interface WatermarkOrder {
  position: Date
  /** Also allow moving it forward: no incremental run fetches the changes in between. */
  skipGap?: boolean | undefined
  reason: string
}

export interface WatermarkMove {
  from: Date
  to: Date
}

/**
 * Moves the watermark to a time, within the caller's transaction; null if it already has this value. Without `skipGap` it
 * only moves back: the next incremental run then fetches from there on.
 *
 * A run that is open keeps its window. It moves the watermark again only if its window begins before the new one.
 * @throws RequestInvalid
 */
export async function moveWatermark(
  client: pg.ClientBase,
  { position, skipGap, reason }: WatermarkOrder,
  caller: Caller
): Promise<WatermarkMove | null> {
  await client.query('lock table kki.watermark in share row exclusive mode')
  const { rows } = await client.query<{ isAhead: boolean }>('select $1::timestamptz > now() as "isAhead"', [position])
  if (rows[0]?.isAhead) throw new RequestInvalid('time', 'must not be in the future')
  const watermark = await readWatermark(client)
  if (watermark === null)
    throw new RequestInvalid('time', 'there is no watermark yet; the first run fetches everything')
  const from = watermark.position
  if (from.getTime() === position.getTime()) return null
  if (from < position && !skipGap) {
    throw new RequestInvalid(
      'time',
      `is later than the watermark, which is ${from.toISOString()}; changes in between would not be fetched. ` +
        'Add --skip-gap if you want that'
    )
  }
  await setWatermark(client, position)
  await recordAudit(client, {
    ...caller,
    action: 'watermark.set',
    detail: { reason, skipGap: skipGap ?? false, from, to: position }
  })
  return { from, to: position }
}
