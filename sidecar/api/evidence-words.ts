import { actionWords } from '../audit/actions.ts'
import type { BatchKind, BatchState } from '../batch-terms.ts'
import { ledgerCounters } from '../batch-terms.ts'
import { quote } from '../platform/printable-text.ts'
import type { PrintedDocument } from '../platform/printed-document.ts'
import { codeText, type Language } from '../platform/problem-texts.ts'
import { termWords } from '../privacy/person-report-words.ts'
import type { Evidence } from '../sync/evidence.ts'

const words = {
  en: {
    title: 'Evidence of batch',
    run: 'run',
    batch: 'The batch',
    utc: 'All times are in UTC.',
    kind: 'Kind',
    state: 'Status',
    window: 'Changes from KKI',
    from: 'from',
    until: 'until',
    trace: 'Trace ID',
    plan: 'Digest of the plan',
    started: 'Started',
    fetched: 'All fetched',
    planned: 'Planned',
    finished: 'Ended',
    undoneAt: 'Undone',
    ledger: 'Outcome details',
    hold: 'Reasons for the hold',
    found: 'found',
    limit: 'limit',
    together: 'all professions together',
    decisions: 'What happened, and who decided it',
    by: 'by',
    role: 'role',
    reason: 'reason',
    request: 'request',
    professions: 'By profession',
    unreadable: 'cannot be read',
    names: 'names changed',
    codes: 'Rejected rows by reason',
    undo: 'Result of the undo',
    removed: 'removed',
    restored: 'restored',
    kept: 'kept, because a later change touched it',
    people: 'people',
    registrations: 'registrations',
    person: 'person',
    changes: 'Changes, the most harmful ones first',
    more: 'There are more changes. The export of changes has all of them.',
    nik: 'NIK changed',
    chain: 'Proof from the audit chain',
    head: 'End of the chain',
    checked: 'The whole chain was last verified on',
    events: 'events',
    findings: 'places that were altered',
    well: 'nothing was altered',
    unchecked: 'The chain has not been verified yet.',
    unlinked: 'not in the chain yet',
    how: 'Each event hash is the SHA-256 of the text of the event, which the JSON of this evidence holds. `sdmk audit verify --head` checks the chain against the end above.',
    none: 'none'
  },
  id: {
    title: 'Bukti batch',
    run: 'sinkronisasi',
    batch: 'Batch',
    utc: 'Semua waktu dalam UTC: WIB dikurangi tujuh jam.',
    kind: 'Jenis',
    state: 'Status',
    window: 'Perubahan dari KKI',
    from: 'dari',
    until: 'sampai',
    trace: 'ID jejak',
    plan: 'Sidik rencana',
    started: 'Dimulai',
    fetched: 'Selesai diambil',
    planned: 'Direncanakan',
    finished: 'Selesai',
    undoneAt: 'Diurungkan',
    ledger: 'Rincian hasil',
    hold: 'Alasan ditahan',
    found: 'ditemukan',
    limit: 'batas',
    together: 'semua profesi bersama',
    decisions: 'Yang terjadi, dan siapa yang memutuskan',
    by: 'oleh',
    role: 'peran',
    reason: 'alasan',
    request: 'permintaan',
    professions: 'Per profesi',
    unreadable: 'tidak terbaca',
    names: 'nama berubah',
    codes: 'Data ditolak per alasan',
    undo: 'Hasil pengurungan',
    removed: 'dihapus',
    restored: 'dipulihkan',
    kept: 'dipertahankan karena diubah sesudahnya',
    people: 'orang',
    registrations: 'registrasi',
    person: 'orang',
    changes: 'Perubahan, dari yang paling berdampak',
    more: 'Masih ada perubahan lain. Ekspor perubahan memuat semuanya.',
    nik: 'NIK berubah',
    chain: 'Pembuktian dari rantai audit',
    head: 'Ujung rantai',
    checked: 'Seluruh rantai terakhir diverifikasi pada',
    events: 'peristiwa',
    findings: 'tempat yang tidak lagi seperti semula',
    well: 'tidak ada yang diubah',
    unchecked: 'Rantai belum pernah diverifikasi.',
    unlinked: 'belum masuk rantai',
    how: 'Setiap sidik peristiwa adalah SHA-256 dari teks peristiwa, yang dimuat dalam JSON bukti ini. `sdmk audit verify --head` memeriksa rantai terhadap ujung di atas.',
    none: 'tidak ada'
  }
} as const satisfies Record<Language, Record<string, string>>

const kinds: Record<BatchKind, Record<Language, string>> = {
  incremental: { en: 'incremental', id: 'inkremental' },
  window: { en: 'period', id: 'rentang' },
  full: { en: 'full', id: 'lengkap' },
  file: { en: 'file of KKI', id: 'berkas KKI' },
  import: { en: 'import', id: 'impor' },
  retry: { en: 'fetched again', id: 'ambil ulang' },
  decision: { en: 'decision', id: 'keputusan' },
  clock: { en: 'expiry', id: 'kedaluwarsa' },
  check: { en: 'registry check', id: 'pemeriksaan registri' }
}

const states: Record<BatchState, Record<Language, string>> = {
  queued: { en: 'waiting', id: 'menunggu' },
  fetching: { en: 'fetching', id: 'mengambil' },
  staged: { en: 'planning', id: 'menyusun rencana' },
  planned: { en: 'planned', id: 'direncanakan' },
  held: { en: 'on hold', id: 'ditahan' },
  applied: { en: 'applied', id: 'diterapkan' },
  undone: { en: 'undone', id: 'diurungkan' },
  failed: { en: 'failed', id: 'gagal' },
  cancelled: { en: 'cancelled', id: 'dibatalkan' },
  discarded: { en: 'discarded', id: 'dibuang' },
  superseded: { en: 'superseded', id: 'digantikan' }
}

const counters: Record<(typeof ledgerCounters)[number], Record<Language, string>> = {
  fetched: { en: 'fetched', id: 'diambil' },
  created: { en: 'created', id: 'dibuat' },
  linked: { en: 'linked', id: 'dikaitkan' },
  updated: { en: 'updated', id: 'diperbarui' },
  unchanged: { en: 'unchanged', id: 'tetap' },
  superseded: { en: 'superseded', id: 'digantikan' },
  rejected: { en: 'rejected', id: 'ditolak' },
  deactivated: { en: 'deactivated', id: 'dinonaktifkan' }
}

/** Fields of a change; one that is missing here is called by its name in the JSON. */
const fields: Record<string, Record<Language, string>> = {
  status: { en: 'status', id: 'status' },
  sourceStatus: { en: 'status in KKI’s words', id: 'status menurut KKI' },
  competence: { en: 'competence', id: 'kompetensi' },
  issuedOn: { en: 'issued on', id: 'tanggal terbit' },
  validUntil: { en: 'valid until', id: 'berlaku sampai' },
  isLifetime: { en: 'for life', id: 'seumur hidup' },
  institution: { en: 'institution', id: 'institusi pendidikan' },
  graduationYear: { en: 'graduation year', id: 'tahun lulus' },
  province: { en: 'province', id: 'provinsi' },
  healthWorkerId: { en: 'number of the person', id: 'nomor orang' },
  name: { en: 'name', id: 'nama' },
  titlePrefix: { en: 'title', id: 'gelar depan' },
  titleSuffix: { en: 'degrees', id: 'gelar belakang' },
  birthPlace: { en: 'birthplace', id: 'tempat lahir' },
  birthDate: { en: 'birth date', id: 'tanggal lahir' },
  sex: { en: 'sex', id: 'jenis kelamin' }
}
const hasTerms = new Set(['status', 'sex'])

/** Returns evidence as a document for people. */
export function evidenceDocument(
  evidence: Evidence,
  professions: ReadonlyMap<string, Record<Language, string>>,
  language: Language
): PrintedDocument {
  const t = words[language]
  const { batch, excesses, undo, check, head } = evidence
  const code = (given: string) => codeText(given, language)?.title ?? given
  const profession = (given: string | null) => professions.get(given ?? '')?.[language] ?? given ?? ''
  const time = (label: string, at: Date | null) => (at === null ? [] : [`${label}: ${at.toISOString()}`])
  const value = (field: string, given: string | null) => {
    if (given === null) return '–'
    return hasTerms.has(field) ? termWords(given, language) : quote(given)
  }
  const sections = [
    {
      title: t.batch,
      lines: [
        t.utc,
        `${t.kind}: ${kinds[batch.kind][language]}`,
        `${t.state}: ${states[batch.state][language]}`,
        ...(batch.windowUntil === null
          ? []
          : [
              `${t.window}: ${batch.windowSince ? `${t.from} ${batch.windowSince.toISOString()} ` : ''}${t.until} ${batch.windowUntil.toISOString()}`
            ]),
        `${t.trace}: ${batch.traceId}`,
        ...(batch.planDigest === null ? [] : [`${t.plan}: ${batch.planDigest}`]),
        ...time(t.started, batch.createdAt),
        ...time(t.fetched, batch.fetchedAt),
        ...time(t.planned, batch.plannedAt),
        ...time(t.finished, batch.finishedAt),
        ...time(t.undoneAt, batch.undoneAt),
        ...(batch.errorCode === null ? [] : [code(batch.errorCode)])
      ]
    },
    { title: t.ledger, lines: ledgerCounters.map(name => `${counters[name][language]}: ${batch[name]}`) },
    {
      title: t.hold,
      lines: (batch.holdReasons ?? []).flatMap(reason => [
        code(reason),
        ...excesses
          .filter(excess => excess.reason === reason)
          .map(
            ({ profession: of, count, limit }) =>
              `  ${of === '*' ? t.together : profession(of)}: ${t.found} ${count}, ${t.limit} ${Math.floor(limit)}`
          )
      ])
    },
    {
      title: t.decisions,
      lines: evidence.events.flatMap(({ at, action, actor, detail, requestId }) => [
        `${at.toISOString()} ${actionWords(action, language)}`,
        `  ${t.by}: ${quote(actor)}`,
        ...(typeof detail.role === 'string' ? [`  ${t.role}: ${termWords(detail.role, language)}`] : []),
        ...(typeof detail.reason === 'string' ? [`  ${t.reason}: ${quote(detail.reason)}`] : []),
        ...(requestId === null ? [] : [`  ${t.request}: ${quote(requestId)}`])
      ])
    },
    {
      title: t.professions,
      lines: (evidence.professions ?? []).map(
        row =>
          `${row.profession === '' ? t.unreadable : profession(row.profession)}: ${(
            ['created', 'linked', 'updated', 'deactivated', 'rejected'] as const
          )
            .map(name => `${counters[name][language]} ${row[name]}`)
            .join(', ')}, ${t.names} ${row.namesChanged}`
      )
    },
    { title: t.codes, lines: evidence.codes.map(row => `${code(row.code)}: ${row.count}`) },
    ...(undo === null
      ? []
      : [
          {
            title: t.undo,
            lines: [
              `${t.people}: ${t.removed} ${undo.peopleDeleted}, ${t.restored} ${undo.peopleRestored}, ${t.kept} ${undo.peopleLeft}`,
              `${t.registrations}: ${t.removed} ${undo.registrationsDeleted}, ${t.restored} ${undo.registrationsRestored}, ${t.kept} ${undo.registrationsLeft}`
            ]
          }
        ]),
    {
      title: t.changes,
      lines: [
        ...evidence.changes.flatMap(change => [
          [
            counters[change.outcome as keyof typeof counters]?.[language] ?? change.outcome,
            change.strNumber,
            profession(change.profession),
            change.healthWorkerId === null ? null : `${t.person} ${change.healthWorkerId}`
          ]
            .filter(Boolean)
            .join(', '),
          ...(change.nameAfter === null ? [] : [`  ${quote(change.nameAfter)}`]),
          ...change.fields.map(({ field, before, after }) =>
            field === 'nik'
              ? `  ${t.nik}`
              : `  ${fields[field]?.[language] ?? field}: ${value(field, before)} → ${value(field, after)}`
          )
        ]),
        ...(evidence.hasMoreChanges ? [t.more] : [])
      ]
    },
    {
      title: t.chain,
      lines: [
        ...(head === null ? [] : [`${t.head}: ${head.seq}:${head.hash}`]),
        check === null
          ? t.unchecked
          : `${t.checked} ${check.checkedAt.toISOString()}: ${check.events} ${t.events}, ${check.findings === 0 ? t.well : `${check.findings} ${t.findings}`}`,
        t.how,
        ...evidence.events.flatMap(({ id, action, proof }) => [
          `${id} ${actionWords(action, language)}`,
          ...(proof === null ? [`  ${t.unlinked}`] : [`  ${proof.seq}:${proof.hash}`, `  SHA-256 ${proof.eventHash}`])
        ])
      ]
    }
  ]
  return {
    language,
    title: `${t.title} ${batch.id}`,
    subtitle: `${t.run} ${batch.runId}`,
    at: evidence.at.toISOString(),
    sections: sections.map(({ title, lines }) => ({ title, lines: lines.length > 0 ? lines : [t.none] }))
  }
}
