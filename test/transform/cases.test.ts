import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTransform } from '../../sidecar/transform/transform.ts'
import type { Rejection, TransformResult } from '../../sidecar/transform/types.ts'
import { readContract, shippedMapping } from './helpers.ts'

interface Case {
  description: string
  data: { changes: Record<string, unknown>; remove: string[] }
  valid: boolean
  fields?: Record<string, unknown>
  warnings?: string[]
  problems?: string[]
  deactivationOnly?: boolean
  rejections?: string[]
  urgent?: boolean
}

interface CaseFile {
  context: { sourceNow: string; maxSkewMs: number }
  base: Record<string, unknown>
  cases: Case[]
}

const file = readContract('cases/transform.json') as CaseFile
const transform = createTransform(shippedMapping())
const context = { ...file.context, sourceNow: Date.parse(file.context.sourceNow) }

for (const example of file.cases) {
  test(example.description, () => {
    const record = { ...file.base, ...example.data.changes }
    for (const field of example.data.remove) delete record[field]
    assert.deepEqual(outcome(transform(record, context), example), expectation(example))
  })
}

function expectation({ valid, fields = {}, warnings, problems, deactivationOnly, rejections, urgent }: Case) {
  return valid ? { valid, fields, warnings, problems, deactivationOnly } : { valid, rejections, urgent }
}

function outcome(result: TransformResult, { fields = {} }: Case) {
  if (!result.ok) return { valid: false, rejections: result.rejections.map(brief), urgent: result.urgent }
  const { warnings, problems, deactivationOnly, ...candidate } = result.value
  const named = Object.entries(candidate).filter(([name]) => name in fields)
  return { valid: true, fields: Object.fromEntries(named), warnings, problems: problems.map(brief), deactivationOnly }
}

function brief({ code, instancePath }: Rejection): string {
  return `${code} ${instancePath}`
}
