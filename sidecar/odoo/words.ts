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
type Catalogue = Record<string, { kind: string } & Record<'title' | 'meaning' | 'action', Text>>
type Shown = Partial<Record<'meaning' | 'action', Text>>

interface OperatorTexts {
  technical: Required<Shown> & { codes: string[] }
  texts: Record<string, Shown>
}

/**
 * Returns the catalogue of codes in both languages, as operators read it, without alerts, which Odoo does not show.
 * @see contracts/odoo/codes.schema.json
 */
export function codesPayload(): Payload {
  const catalogue = readContract<Catalogue>('codes.yaml')
  const { technical, texts } = readContract<OperatorTexts>('operator-texts.yaml')
  const both = ({ en, id }: Text) => ({ en_US: en, id_ID: id })
  const entries = Object.entries(catalogue).filter(([, { kind }]) => kind !== 'alert')
  const codes = entries.map(([code, { kind, title, ...ofEngineers }]) => {
    const ofOperators = technical.codes.includes(code) ? technical : texts[code]
    const { meaning, action } = { ...ofEngineers, ...ofOperators }
    return { code, kind, name: both(title), meaning: both(meaning), action: both(action) }
  })
  return { model: 'sdmk.code', method: 'sync_codes', rows: codes.length, payload: JSON.stringify({ codes }) }
}

function readContract<T>(name: string): T {
  return parse(readFileSync(new URL(`../../contracts/${name}`, import.meta.url), 'utf8')) as T
}
