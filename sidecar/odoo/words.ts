import { readFileSync } from 'node:fs'
import type pg from 'pg'
import { parse } from 'yaml'
import type { Payload } from './payloads.ts'

/** Returns the professions in both languages. @see contracts/odoo/professions.schema.json */
export async function professionsPayload(pool: pg.Pool): Promise<Payload> {
  const { rows } = await pool.query<Pick<Payload, 'payload' | 'rows'>>(
    `select jsonb_build_object('professions', coalesce(jsonb_agg(jsonb_build_object(
      'code', code, 'name', jsonb_build_object('en_US', name_en, 'id_ID', name_id)
    )), '[]'))::text as payload, count(*) as rows
    from sdmk.profession`
  )
  return {
    model: 'sdmk.profession',
    method: 'sync_professions',
    ...(rows[0] as Pick<Payload, 'payload' | 'rows'>)
  }
}

type Text = Record<'en' | 'id', string>
type Catalogue = Record<string, { kind: string; audience?: 'technical' } & Record<'title' | 'meaning' | 'action', Text>>

/** Replaces the texts of codes that operators can do nothing about. */
const technicalFault: Record<'meaning' | 'action', Text> = {
  meaning: {
    en: 'This has a technical cause, and nothing that you entered is wrong.',
    id: 'Penyebabnya teknis; tidak ada isian Anda yang salah.'
  },
  action: {
    en: 'Call the technical team. Give them the trace ID of the batch, or the number of the request.',
    id: 'Hubungi tim teknis. Sebutkan ID jejak batch atau nomor permintaan.'
  }
}

/**
 * Returns the texts of all codes for operators, in both languages. Alerts are not included, because Odoo does not show them.
 * @see contracts/odoo/codes.schema.json
 */
export function codesPayload(): Payload {
  const file = new URL('../../contracts/codes.yaml', import.meta.url)
  const catalogue = parse(readFileSync(file, 'utf8')) as Catalogue
  const both = ({ en, id }: Text) => ({ en_US: en, id_ID: id })
  const codes = Object.entries(catalogue).flatMap(([code, { kind, audience, title, ...texts }]) => {
    const { meaning, action } = audience === 'technical' ? technicalFault : texts
    return kind === 'alert' ? [] : [{ code, kind, name: both(title), meaning: both(meaning), action: both(action) }]
  })
  return { model: 'sdmk.code', method: 'sync_codes', rows: codes.length, payload: JSON.stringify({ codes }) }
}
