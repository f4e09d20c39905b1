import { quote } from '../platform/printable-text.ts'
import type { PrintedDocument } from '../platform/printed-document.ts'
import { codeText, type Language } from '../platform/problem-texts.ts'
import type { Access, PersonReport, Recipient } from './person-report.ts'
import { dataClasses } from './retention.ts'

const words = {
  en: {
    title: 'What SDMK stores about one person',
    law: 'Report on personal data under UU 27/2022',
    nobody: 'No person in the registry has this NIK or STR.',
    gone: 'The registry no longer has this person; the batch that brought them was undone. Number',
    number: 'Number in the registry',
    restricted: 'Restricted since',
    erased: 'Erased on',
    person: 'The person, and the origin of each value',
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
    tied: 'matched by rule',
    formerNiks: 'NIKs that were replaced',
    formerOf: 'Another person had this NIK before; health worker',
    changes: 'Stored changes, oldest first',
    byHand: 'by hand',
    batch: 'batch',
    rejectedRows: 'Rows of this person that were rejected',
    kept: 'the row is still stored, sealed',
    purged: 'the row is no longer stored',
    decisions: 'Decisions of verifiers',
    withdrawn: 'withdrawn',
    nikShownTo: 'Who was shown the NIK, and why',
    by: 'by',
    key: 'with the key',
    role: 'role',
    reason: 'reason',
    times: 'times',
    editedBy: 'Who changed values by hand',
    privacyDecisions: 'Decisions to restrict or erase',
    shownTo: 'Who saw or received the data',
    recorded: 'This has been recorded since',
    notRecorded: 'Nothing is recorded yet.',
    odoo: 'the ministry’s Odoo: names, titles, birth, registrations, and whether a NIK is stored',
    asked: 'KKI was asked about the STR',
    why: 'Stored data, and the reason',
    always: 'erased with every erasure',
    after_licences: 'erased once no licence is in force and the retention is over',
    never: 'not erased',
    none: 'none'
  },
  id: {
    title: 'Yang disimpan SDMK tentang satu orang',
    law: 'Laporan data pribadi menurut UU 27/2022',
    nobody: 'Tidak ada orang dengan NIK atau STR ini dalam registri.',
    gone: 'Orang ini tidak ada lagi dalam registri; batch yang memasukkannya dibatalkan. Nomor',
    number: 'Nomor dalam registri',
    restricted: 'Dibatasi sejak',
    erased: 'Dihapus pada',
    person: 'Orangnya, dan asal setiap nilai',
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
    rejectedRows: 'Baris orang ini yang ditolak',
    kept: 'barisnya masih disimpan, tersegel',
    purged: 'barisnya tidak lagi disimpan',
    decisions: 'Keputusan verifikator',
    withdrawn: 'dicabut',
    nikShownTo: 'Siapa yang pernah diperlihatkan NIK, dan alasannya',
    by: 'oleh',
    key: 'dengan kunci',
    role: 'peran',
    reason: 'alasan',
    times: 'kali',
    editedBy: 'Siapa yang mengubah nilai secara manual',
    privacyDecisions: 'Keputusan pembatasan atau penghapusan',
    shownTo: 'Kepada siapa data diperlihatkan atau dikirim',
    recorded: 'Hal ini dicatat sejak',
    notRecorded: 'Belum ada yang dicatat.',
    odoo: 'Odoo kementerian: nama, gelar, kelahiran, registrasi, dan ada atau tidaknya NIK',
    asked: 'KKI pernah ditanya tentang STR',
    why: 'Yang disimpan, dan alasannya',
    always: 'dihapus pada setiap penghapusan',
    after_licences: 'dihapus bila tidak ada registrasi yang berlaku dan masa retensi telah lewat',
    never: 'tidak dihapus',
    none: 'tidak ada'
  }
} as const satisfies Record<Language, Record<string, string>>

/** The text for a code of the database. A code without a text is shown unchanged. */
const terms: Record<Language, Record<string, string>> = {
  en: {
    'person.restricted': 'restricted',
    'person.restriction_lifted': 'restriction lifted',
    'person.erased': 'erased',
    data_protection_officer: 'data protection officer'
  },
  id: {
    male: 'laki-laki',
    female: 'perempuan',
    active: 'aktif',
    suspended: 'dibekukan',
    inactive: 'tidak aktif',
    revoked: 'dicabut',
    expired: 'kedaluwarsa',
    deceased: 'meninggal',
    replaced: 'digantikan',
    unknown: 'tidak diketahui',
    created: 'dicatat',
    linked: 'ditambahkan',
    updated: 'diperbarui',
    edited: 'dikoreksi',
    open: 'terbuka',
    resolved: 'diputuskan',
    dismissed: 'diabaikan',
    cleared: 'selesai sendiri',
    'person.restricted': 'dibatasi',
    'person.restriction_lifted': 'pembatasan diakhiri',
    'person.erased': 'dihapus',
    auditor: 'auditor',
    verifier: 'verifikator',
    administrator: 'admin integrasi',
    data_protection_officer: 'pejabat pelindungan data'
  }
}

/** Returns what people call a status, a sex, a state of a rejected row or a role; any other code is unchanged. */
export function termWords(code: string, language: Language): string {
  return terms[language][code] ?? code
}

/**
 * Returns the report as a document for people. Texts that people entered are quoted at the end of a separate line. So they
 * cannot imitate other text, and right-to-left text cannot reorder it.
 */
export function toDocument(report: PersonReport, language: Language): PrintedDocument {
  const t = words[language]
  const term = (code: string) => termWords(code, language)
  const accessLines = ({ at, by, key, reason }: Access) => [
    at,
    `  ${t.by}: ${quote(by)}`,
    ...(key === null ? [] : [`  ${t.key}: ${quote(key)}`]),
    ...(reason === null ? [] : [`  ${t.reason}: ${quote(reason)}`])
  ]
  const recipientLines = ({ channel, by, role, key, reason, times, firstAt, lastAt }: Recipient) => [
    `${channel === 'odoo' ? t.odoo : channel}: ${times} ${t.times}, ${firstAt} – ${lastAt}`,
    `  ${t.by}: ${quote(by)}`,
    ...(role === null ? [] : [`  ${t.role}: ${term(role)}`]),
    ...(key === null ? [] : [`  ${t.key}: ${quote(key)}`]),
    ...(reason === null ? [] : [`  ${t.reason}: ${quote(reason)}`])
  ]
  const { person, healthWorkerId, recordedSince } = report
  return {
    language,
    title: t.title,
    subtitle: t.law,
    at: report.at,
    sections: [
      {
        title: t.person,
        lines: [
          ...(person
            ? personLines(person, language)
            : [healthWorkerId === null ? t.nobody : `${t.gone}: ${healthWorkerId}`]),
          ...report.formerOf.map(({ healthWorkerId: id, until }) => `${t.formerOf} ${id}, ${t.until} ${until}`)
        ]
      },
      {
        title: t.registrations,
        lines: (person?.registrations ?? []).map(
          ({ strNumber, profession, status, validUntil, isLifetime, sourceAt, match }) =>
            `${strNumber} ${report.professions[profession]?.[language] ?? profession}, ${term(status)}, ${isLifetime ? t.forLife : `${t.until} ${validUntil ?? '?'}`}, ${t.kki} ${sourceAt ?? '?'}; ${t.tied} ${match.rule}`
        )
      },
      {
        title: t.formerNiks,
        lines: report.formerNiks.map(({ until }) => `${t.until} ${until}`)
      },
      {
        title: t.changes,
        lines: report.changes.map(({ operation, fields, strNumber, batch }) =>
          [
            batch ? `${batch.at} ${t.batch} ${batch.id} (${batch.kind})` : t.byHand,
            [term(operation), strNumber].filter(Boolean).join(' '),
            ...(fields.length > 0 ? [fields.join(', ')] : [])
          ].join(': ')
        )
      },
      {
        title: t.rejectedRows,
        lines: report.rejectedRows.map(
          ({ code, state, strNumber, firstSeenAt, lastSeenAt, isRowKept }) =>
            `${strNumber ?? '-'} ${codeText(code, language)?.title ?? code} (${term(state)}), ${firstSeenAt} – ${lastSeenAt}; ${isRowKept ? t.kept : t.purged}`
        )
      },
      {
        title: t.decisions,
        lines: report.decisions.flatMap(({ strNumber, by, at, withdrawnAt }) => [
          `${at} ${strNumber}${withdrawnAt ? `, ${t.withdrawn} ${withdrawnAt}` : ''}`,
          `  ${t.by}: ${quote(by)}`
        ])
      },
      { title: t.nikShownTo, lines: report.nikShownTo.flatMap(accessLines) },
      { title: t.editedBy, lines: report.editedBy.flatMap(accessLines) },
      {
        title: t.privacyDecisions,
        lines: report.privacyDecisions.flatMap(event => [term(event.action), ...accessLines(event).map(l => `  ${l}`)])
      },
      {
        title: t.shownTo,
        lines: [
          ...report.shownTo.flatMap(recipientLines),
          ...report.askedOfKki.map(({ strNumber, at }) => `${t.asked} ${strNumber}: ${at}`),
          recordedSince === null ? t.notRecorded : `${t.recorded} ${recordedSince}`
        ]
      },
      {
        title: t.why,
        lines: Object.values(dataClasses).flatMap(({ what, why, erasure }) => [
          what[language],
          `  ${why[language]}`,
          `  ${t[erasure]}`
        ])
      }
    ].map(({ title, lines }) => ({ title, lines: lines.length > 0 ? lines : [t.none] }))
  }
}

function personLines(person: NonNullable<PersonReport['person']>, language: Language): string[] {
  const t = words[language]
  const { sources, restrictedSince, erasedAt } = person
  const value = (label: string, text: string | null, source: (typeof sources)['name']) =>
    text === null ? [] : [`${label} (${source?.source === 'kki' ? `${t.kki} ${source.at}` : t.sdmk}): ${quote(text)}`]
  const name = [person.titlePrefix, person.name, person.titleSuffix].filter(Boolean).join(' ')
  return [
    `${t.number}: ${person.id}`,
    `${t.stored} ${person.storedSince}`,
    ...(restrictedSince === null ? [] : [`${t.restricted} ${restrictedSince}`]),
    ...(erasedAt === null ? [] : [`${t.erased} ${erasedAt}`]),
    ...value(t.nik, person.hasNik ? '*'.repeat(16) : null, sources.nik),
    ...value(t.name, name, sources.name),
    ...value(t.birthPlace, person.birthPlace, sources.birthPlace),
    ...value(t.birthDate, person.birthDate, sources.birthDate),
    ...value(t.sex, person.sex && (terms[language][person.sex] ?? person.sex), sources.sex)
  ]
}
