import type { Language } from '../platform/problem-texts.ts'

/** When an erasure deletes the data of a class. */
export type Erasure =
  /** With every erasure, even while a licence is in force. */
  | 'always'
  /** Once no licence is in force and the retention after the last one is over. */
  | 'after_licences'
  /** Never: it must be kept, or identifies nobody. */
  | 'never'

export interface DataClass {
  what: Record<Language, string>
  why: Record<Language, string>
  erasure: Erasure
}

/** The stored data of a person, the reason, and the effect of an erasure. Person reports and docs/explain/privacy.md show it. */
export const dataClasses: Record<string, DataClass> = {
  licence: {
    what: {
      en: 'licence history: STR numbers, profession, status, dates of issue and end',
      id: 'riwayat registrasi: nomor STR, profesi, status, tanggal terbit dan berakhir'
    },
    why: {
      en: 'the council keeps a public register of who was licensed and who lost a licence (UU 17/2023; PP 28/2024)',
      id: 'konsil menyelenggarakan registrasi tenaga medis dan tenaga kesehatan (UU 17/2023; PP 28/2024)'
    },
    erasure: 'never'
  },
  identity: {
    what: {
      en: 'identity: name, titles, NIK (sealed), place and date of birth, sex, institution, year of graduation, province',
      id: 'identitas: nama, gelar, NIK (tersegel), tempat dan tanggal lahir, jenis kelamin, perguruan tinggi, tahun lulus, provinsi'
    },
    why: {
      en: 'a licence that is in force, or ended not long ago, must be tied to its holder: the public relies on it (public task, UU 27/2022)',
      id: 'registrasi yang berlaku, atau belum lama berakhir, harus terikat pada pemegangnya karena diandalkan masyarakat (kepentingan umum, UU 27/2022)'
    },
    erasure: 'after_licences'
  },
  former: {
    what: {
      en: 'former values: earlier names, NIKs and other values in the history of changes',
      id: 'nilai lama: nama, NIK, dan nilai lain sebelumnya dalam riwayat perubahan'
    },
    why: {
      en: 'needed to undo a batch, and for nothing else',
      id: 'untuk membatalkan batch; tidak ada keperluan lain'
    },
    erasure: 'always'
  },
  rejected: {
    what: {
      en: 'rejected rows as KKI sent them (sealed), and the digests by which they find their person',
      id: 'data ditolak sebagaimana dikirim KKI (tersegel), dan digest untuk menemukan orangnya'
    },
    why: {
      en: 'a person corrects them; kept for a set number of days at most',
      id: 'untuk diperbaiki petugas; disimpan paling lama selama masa retensi yang ditetapkan'
    },
    erasure: 'always'
  },
  audit: {
    what: {
      en: 'audit: who acted, decided, saw or received data, with the number of the person and without name, NIK or STR',
      id: 'audit: siapa melakukan, memutuskan, melihat, atau menerima apa, menurut nomor orang tanpa nama, NIK, atau STR'
    },
    why: {
      en: 'processing must be recorded, and a breach reported (UU 27/2022)',
      id: 'pemrosesan wajib dicatat dan kebocoran wajib diberitahukan (UU 27/2022)'
    },
    erasure: 'never'
  }
}
