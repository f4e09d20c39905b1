import { payloadSql } from './payload-sql.ts'

/** The kinds that Odoo mirrors: their statement, the id column for selection and comparison, and Odoo's model. */
export const mirrored = {
  health_workers: {
    rows: payloadSql('health-worker.sql'),
    block: 'id',
    model: 'sdmk.health.worker',
    method: 'compare_health_workers'
  },
  registrations: {
    rows: payloadSql('registration.sql'),
    block: 'health_worker_id',
    model: 'sdmk.health.worker',
    method: 'compare_health_workers'
  },
  batches: { rows: payloadSql('batch.sql'), block: 'id', model: 'sdmk.batch', method: 'compare_batches' },
  rejections: { rows: payloadSql('rejection.sql'), block: 'id', model: 'sdmk.batch', method: 'compare_batches' }
} as const

export type MirroredKey = keyof typeof mirrored
