import type { Language } from '../platform/problem-texts.ts'

/** Every action that an audit event may have, in the words of people. */
export const auditActions = {
  'access.denied': { en: 'Access denied', id: 'Akses ditolak' },
  'api_key.adopted': { en: 'API key replaced in place', id: 'Kunci API dipakai ulang' },
  'api_key.created': { en: 'API key created', id: 'Kunci API dibuat' },
  'api_key.revoked': { en: 'API key revoked', id: 'Kunci API dicabut' },
  'audit.heads_set_aside': { en: 'Audit heads set aside', id: 'Ujung audit dikesampingkan' },
  'batch.applied': { en: 'Batch applied', id: 'Batch diterapkan' },
  'batch.approved': { en: 'Batch approved', id: 'Batch disetujui' },
  'batch.cancelled': { en: 'Batch cancelled', id: 'Batch dibatalkan' },
  'batch.discarded': { en: 'Batch discarded', id: 'Batch dibuang' },
  'batch.evidence_taken': { en: 'Evidence of a batch taken', id: 'Bukti batch diambil' },
  'batch.failed': { en: 'Batch failed', id: 'Batch gagal' },
  'batch.held': { en: 'Batch put on hold', id: 'Batch ditahan' },
  'batch.plan_changed': { en: 'Plan of a batch changed', id: 'Rencana batch berubah' },
  'batch.reprocess_failed': { en: 'Checking rejected rows again failed', id: 'Pemeriksaan ulang data ditolak gagal' },
  'batch.restarted': { en: 'Fetching of a batch restarted', id: 'Pengambilan batch diulang' },
  'batch.superseded': { en: 'Batch superseded by a newer one', id: 'Batch digantikan yang lebih baru' },
  'batch.undo_failed': { en: 'Undo of a batch failed', id: 'Batch gagal diurungkan' },
  'batch.undo_ordered': { en: 'Undo of a batch ordered', id: 'Batch diperintahkan untuk diurungkan' },
  'batch.undone': { en: 'Batch undone', id: 'Batch diurungkan' },
  'disclosures.purged': { en: 'Old disclosures purged', id: 'Catatan pengungkapan lama dihapus' },
  'disclosures.sealed': { en: 'Disclosures sealed', id: 'Catatan pengungkapan disegel' },
  'file.staged': { en: 'Rows of a file from KKI stored', id: 'Data berkas dari KKI disimpan' },
  'health_worker.edited': { en: 'Health worker corrected', id: 'Data tenaga kesehatan dikoreksi' },
  'health_worker.nik_revealed': { en: 'NIK shown', id: 'NIK ditampilkan' },
  'import.staged': { en: 'File of people imported', id: 'Berkas data orang diimpor' },
  'keys.digest_rotated': { en: 'Digest key replaced', id: 'Kunci sidik diganti' },
  'keys.rotated': { en: 'Sealing keys replaced', id: 'Kunci segel diganti' },
  'nik.looked_up': { en: 'Person looked up by NIK', id: 'Orang dicari dengan NIK' },
  'odoo.account_stored': { en: 'Key of the Odoo account stored', id: 'Kunci akun Odoo disimpan' },
  'person.erased': { en: 'Data of a person erased', id: 'Data seseorang dihapus' },
  'person.reported': { en: 'Report about a person made', id: 'Laporan data seseorang dibuat' },
  'person.restricted': { en: 'Data of a person restricted', id: 'Data seseorang dibatasi' },
  'person.restriction_lifted': { en: 'Restriction of a person lifted', id: 'Pembatasan data seseorang diakhiri' },
  'registry.checked': { en: 'Registry checked', id: 'Registri diperiksa' },
  'rejection.dismissed': { en: 'Rejected row dismissed', id: 'Data ditolak diabaikan' },
  'rejection.reopened': { en: 'Rejected row reopened', id: 'Data ditolak dibuka kembali' },
  'rejection.reprocessed': { en: 'Rejected rows checked again', id: 'Data ditolak diperiksa ulang' },
  'rejection.resolved': { en: 'Rejected row resolved', id: 'Data ditolak diputuskan' },
  'rejection.retried': { en: 'Rejected rows fetched again', id: 'Data ditolak diambil ulang' },
  'retention.purged': { en: 'Data past its retention purged', id: 'Data yang lewat masa retensi dihapus' },
  'run.created': { en: 'Run started', id: 'Sinkronisasi dimulai' },
  'run.skipped': { en: 'Scheduled run skipped', id: 'Sinkronisasi terjadwal dilewati' },
  'seal.unfit': { en: 'Sealed value did not fit its place', id: 'Nilai tersegel tidak cocok dengan tempatnya' },
  'setting.changed': { en: 'Settings changed', id: 'Pengaturan diubah' },
  'watermark.set': { en: 'Watermark set by hand', id: 'Watermark ditetapkan manual' }
} as const satisfies Record<string, Record<Language, string>>

export type AuditAction = keyof typeof auditActions

/** Returns what people call an action; one of a former release is called by its code. */
export function actionWords(action: string, language: Language): string {
  return auditActions[action as AuditAction]?.[language] ?? action
}
