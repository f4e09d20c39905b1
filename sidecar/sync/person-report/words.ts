import { quote } from '../../platform/printable-text.ts'
import { codeText, type Language } from '../../platform/problem-texts.ts'
import type { Access, PersonReport } from './report.ts'

const words = {
  en: {
    title: 'What SDMK stores about the person of this NIK',
    nobody: 'The registry has nobody of this NIK.',
    stored: 'Stored since',
    kki: 'from KKI, of',
    sdmk: 'set by SDMK itself',
    nik: 'NIK (stored sealed; not shown here)',
    name: 'Name',
    birthPlace: 'Place of birth',
    birthDate: 'Date of birth',
    sex: 'Sex',
    registrations: 'Registrations (STR), all of them from KKI',
    until: 'until',
    forLife: 'for life',
    tied: 'tied by rule',
    formerNiks: 'NIKs that were replaced',
    formerOf: 'This NIK stood with another person before; health worker',
    changes: 'What was written, oldest first',
    byHand: 'by hand',
    batch: 'batch',
    refusedRows: 'Rows with this NIK that were refused',
    kept: 'the row is still kept, sealed',
    purged: 'the row is no longer kept',
    decisions: 'Decisions of verifiers',
    withdrawn: 'withdrawn',
    nikShownTo: 'Who was shown the NIK, and why',
    by: 'by',
    key: 'with the key',
    reason: 'reason',
    editedBy: 'Who changed values by hand',
    sentTo: 'To whom it goes',
    odoo: 'the ministry’s Odoo: names, titles, birth, registrations, and whether a NIK is stored',
    asked: 'KKI: it was asked for the STR of a refused row',
    none: 'none'
  },
  id: {
    title: 'Yang disimpan SDMK tentang pemilik NIK ini',
    nobody: 'Tidak ada orang dengan NIK ini dalam registri.',
    stored: 'Disimpan sejak',
    kki: 'dari KKI, per',
    sdmk: 'ditetapkan SDMK sendiri',
    nik: 'NIK (disimpan tersegel; tidak ditampilkan di sini)',
    name: 'Nama',
    birthPlace: 'Tempat lahir',
    birthDate: 'Tanggal lahir',
    sex: 'Jenis kelamin',
    registrations: 'Registrasi (STR), seluruhnya dari KKI',
    until: 'sampai',
    forLife: 'seumur hidup',
    tied: 'dicocokkan dengan aturan',
    formerNiks: 'NIK yang telah diganti',
    formerOf: 'NIK ini pernah tercatat pada orang lain; tenaga kesehatan',
    changes: 'Yang pernah ditulis, dari yang terlama',
    byHand: 'secara manual',
    batch: 'batch',
    refusedRows: 'Baris dengan NIK ini yang ditolak',
    kept: 'barisnya masih disimpan, tersegel',
    purged: 'barisnya tidak lagi disimpan',
    decisions: 'Keputusan verifikator',
    withdrawn: 'dicabut',
    nikShownTo: 'Siapa yang pernah diperlihatkan NIK, dan alasannya',
    by: 'oleh',
    key: 'dengan kunci',
    reason: 'alasan',
    editedBy: 'Siapa yang mengubah nilai secara manual',
    sentTo: 'Dikirim kepada',
    odoo: 'Odoo kementerian: nama, gelar, kelahiran, registrasi, dan ada atau tidaknya NIK',
    asked: 'KKI: pernah ditanya tentang STR dari baris yang ditolak',
    none: 'tidak ada'
  }
} as const satisfies Record<Language, Record<string, string>>

/**
 * Returns the report as lines for people. A text that a person chose stands in quotes at the end of a line of its own, so
 * that it looks like nothing else, and a text from right to left reorders nothing beside it.
 */
export function inWords(report: PersonReport, language: Language): string[] {
  const t = words[language]
  const section = (title: string, items: readonly string[]) => [
    '',
    `${title}:`,
    ...(items.length > 0 ? items : [t.none]).map(item => `  ${item}`)
  ]
  const accessLines = ({ at, by, key, reason }: Access) => [
    at,
    `  ${t.by}: ${quote(by)}`,
    ...(key === null ? [] : [`  ${t.key}: ${quote(key)}`]),
    ...(reason === null ? [] : [`  ${t.reason}: ${quote(reason)}`])
  ]
  const { person } = report
  return [
    `${t.title} (${report.at})`,
    ...(person ? personLines(person, language) : ['', t.nobody]),
    ...report.formerOf.map(({ healthWorkerId, until }) => `${t.formerOf} ${healthWorkerId}, ${t.until} ${until}`),
    ...section(
      t.formerNiks,
      report.formerNiks.map(({ until }) => `${t.until} ${until}`)
    ),
    ...section(
      t.changes,
      report.changes.map(({ operation, fields, strNumber, batch }) =>
        [
          batch ? `${batch.at} ${t.batch} ${batch.id} (${batch.kind})` : t.byHand,
          [operation, strNumber].filter(Boolean).join(' '),
          ...(fields.length > 0 ? [fields.join(', ')] : [])
        ].join(': ')
      )
    ),
    ...section(
      t.refusedRows,
      report.refusedRows.map(
        ({ code, state, strNumber, firstSeenAt, lastSeenAt, isRowKept }) =>
          `${strNumber ?? '-'} ${codeText(code, language)?.title ?? code} (${state}), ${firstSeenAt} – ${lastSeenAt}; ${isRowKept ? t.kept : t.purged}`
      )
    ),
    ...section(
      t.decisions,
      report.decisions.flatMap(({ strNumber, by, at, withdrawnAt }) => [
        `${at} ${strNumber}${withdrawnAt ? `, ${t.withdrawn} ${withdrawnAt}` : ''}`,
        `  ${t.by}: ${quote(by)}`
      ])
    ),
    ...section(t.nikShownTo, report.nikShownTo.flatMap(accessLines)),
    ...section(t.editedBy, report.editedBy.flatMap(accessLines)),
    ...section(
      t.sentTo,
      report.sentTo.map(recipient => (recipient === 'odoo' ? t.odoo : t.asked))
    )
  ]
}

function personLines(person: NonNullable<PersonReport['person']>, language: Language): string[] {
  const t = words[language]
  const { sources } = person
  const value = (label: string, text: string | null, source: (typeof sources)['name']) =>
    text === null ? [] : [`  ${label} (${source?.source === 'kki' ? `${t.kki} ${source.at}` : t.sdmk}): ${quote(text)}`]
  const name = [person.titlePrefix, person.name, person.titleSuffix].filter(Boolean).join(' ')
  return [
    `${t.stored} ${person.storedSince}`,
    ...value(t.nik, person.hasNik ? '*'.repeat(16) : null, sources.nik),
    ...value(t.name, name, sources.name),
    ...value(t.birthPlace, person.birthPlace, sources.birthPlace),
    ...value(t.birthDate, person.birthDate, sources.birthDate),
    ...value(t.sex, person.sex, sources.sex),
    '',
    `${t.registrations}:`,
    ...person.registrations.map(
      ({ strNumber, profession, status, validUntil, isLifetime, sourceAt, match }) =>
        `  ${strNumber} ${profession} ${status}, ${isLifetime ? t.forLife : `${t.until} ${validUntil ?? '?'}`}, ${t.kki} ${sourceAt ?? '?'}; ${t.tied} ${match.rule}`
    )
  ]
}
