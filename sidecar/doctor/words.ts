import type { Language } from '../platform/problem-texts.ts'

type Both = Record<Language, string>

/** The checks that a running service makes of itself, in the order of `sdmk doctor`. */
export const insideChecks = [
  'database settings',
  'database login',
  'schema',
  'clock',
  'standby for reads',
  'queue',
  'runs',
  'watermark',
  'waiting for Odoo'
] as const

export type InsideCheck = (typeof insideChecks)[number]

/** For administrators: the name of each check, and a sentence for a finding that is not as it should be. */
export const words: Record<InsideCheck, { name: Both; action: Both }> = {
  'database settings': {
    name: { en: 'Settings of the database', id: 'Pengaturan basis data' },
    action: {
      en: 'The database could lose data in a crash, is too old, or runs out of connections. Tell the technical team.',
      id: 'Basis data dapat kehilangan data saat terhenti mendadak, versinya terlalu lama, atau koneksinya hampir habis. Hubungi tim teknis.'
    }
  },
  'database login': {
    name: { en: 'Rights in the database', id: 'Hak akses basis data' },
    action: {
      en: 'The service may change more in its database than it needs to. Tell the technical team.',
      id: 'Layanan dapat mengubah lebih banyak di basis data daripada yang diperlukan. Hubungi tim teknis.'
    }
  },
  schema: {
    name: { en: 'Version of the database', id: 'Versi basis data' },
    action: {
      en: 'The versions of the database and of the service differ. Ask the technical team to finish the upgrade.',
      id: 'Versi basis data dan versi layanan berbeda. Minta tim teknis menyelesaikan pembaruan.'
    }
  },
  clock: {
    name: { en: 'Clock', id: 'Jam' },
    action: {
      en: 'The clocks of the service and of the database differ, so changes of KKI could be left out. Tell the technical team.',
      id: 'Jam layanan dan jam basis data berbeda sehingga perubahan dari KKI dapat terlewat. Hubungi tim teknis.'
    }
  },
  'standby for reads': {
    name: { en: 'Second database for searches', id: 'Basis data kedua untuk pencarian' },
    action: {
      en: 'It cannot be used, so the first database answers searches as well, perhaps more slowly. Tell the technical team.',
      id: 'Basis data ini tidak dapat dipakai sehingga pencarian dilayani basis data utama, mungkin lebih lambat. Hubungi tim teknis.'
    }
  },
  queue: {
    name: { en: 'Queue', id: 'Antrean' },
    action: {
      en: 'Tasks wait for more than ten minutes, so a part of the service does not run. Tell the technical team.',
      id: 'Ada tugas yang menunggu lebih dari sepuluh menit, jadi sebagian layanan tidak berjalan. Hubungi tim teknis.'
    }
  },
  runs: {
    name: { en: 'Runs', id: 'Sinkronisasi' },
    action: {
      en: 'A batch failed or is on hold, a run is overdue, or the integration is switched off. Look at the dashboard.',
      id: 'Ada batch yang gagal atau ditahan, sinkronisasi terlambat, atau integrasi dinonaktifkan. Lihat dasbor.'
    }
  },
  watermark: {
    name: { en: 'Place in the changes of KKI', id: 'Posisi dalam perubahan KKI' },
    action: {
      en: 'The next run would begin in the future and leave changes out. Tell the technical team.',
      id: 'Sinkronisasi berikutnya akan dimulai dari waktu yang akan datang dan melewatkan perubahan. Hubungi tim teknis.'
    }
  },
  'waiting for Odoo': {
    name: { en: 'Rows that wait for Odoo', id: 'Data yang menunggu Odoo' },
    action: {
      en: 'Odoo did not accept some rows, and they are sent again. Press Test Connection, which names the cause.',
      id: 'Sebagian data belum diterima Odoo dan dikirim lagi. Tekan Uji Koneksi untuk mengetahui penyebabnya.'
    }
  }
}
