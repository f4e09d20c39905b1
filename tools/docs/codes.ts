import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

type Both = { en: string; id: string }
export interface CatalogueEntry {
  kind: 'rejection' | 'warning' | 'hold' | 'problem' | 'alert'
  /** Set if only the technical team can act on the code. Odoo then shows a common text. */
  audience?: 'technical'
  title: Both
  meaning: Both
  example: Both
  action: Both
}

const kinds = [
  ['rejection', 'Rejected rows', 'Data yang ditolak'],
  ['warning', 'Warnings', 'Peringatan'],
  ['hold', 'Reasons to hold a batch', 'Alasan batch ditahan'],
  ['problem', 'Problems', 'Masalah']
] as const

/** Returns contracts/codes.yaml. */
export function readCatalogue(): Record<string, CatalogueEntry> {
  const file = new URL('../../contracts/codes.yaml', import.meta.url)
  return parse(readFileSync(file, 'utf8')) as Record<string, CatalogueEntry>
}

/** Returns docs/reference/codes.md: every code of contracts/codes.yaml, in English and Indonesian; alerts are in docs/operate/runbook.md. */
export function renderCodes(): string {
  const catalogue = Object.entries(readCatalogue())
  const sections = kinds.map(([kind, en, id]) => {
    const entries = catalogue.filter(([, entry]) => entry.kind === kind)
    return [`## ${en} / ${id}`, ...entries.map(renderEntry)].join('\n\n')
  })
  return `${['# Codes / Kode', 'Generated from `contracts/codes.yaml` by `npm run generate`.', ...sections].join('\n\n')}\n`
}

function renderEntry([code, { title, meaning, example, action }]: [string, CatalogueEntry]): string {
  const row = (en: string, id: string, text: Both) => `| ${en} / ${id} | ${cell(text.en)} | ${cell(text.id)} |`
  return [
    `### ${code}`,
    '',
    `| | ${cell(title.en)} | ${cell(title.id)} |`,
    '| --- | --- | --- |',
    row('Meaning', 'Arti', meaning),
    row('Example', 'Contoh', example),
    row('What to do', 'Tindakan', action)
  ].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
