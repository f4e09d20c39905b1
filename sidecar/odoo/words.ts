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

type Texts = Record<'title' | 'meaning' | 'action', Record<'en' | 'id', string>>

/**
 * Returns the catalogue of codes in both languages, without alerts, which Odoo does not show.
 * @see contracts/odoo/codes.schema.json
 */
export function codesPayload(): Payload {
  const file = new URL('../../contracts/codes.yaml', import.meta.url)
  const catalogue = parse(readFileSync(file, 'utf8')) as Record<string, Texts & { kind: string }>
  const both = (text: Record<'en' | 'id', string>) => ({ en_US: text.en, id_ID: text.id })
  const entries = Object.entries(catalogue).filter(([, { kind }]) => kind !== 'alert')
  const codes = entries.map(([code, { kind, title, meaning, action }]) => ({
    code,
    kind,
    name: both(title),
    meaning: both(meaning),
    action: both(action)
  }))
  return { model: 'sdmk.code', method: 'sync_codes', rows: codes.length, payload: JSON.stringify({ codes }) }
}
