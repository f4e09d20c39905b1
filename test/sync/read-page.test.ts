import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cutList } from '../../sidecar/platform/json-list.ts'
import { PageWriter } from '../../sidecar/registry/page-writer.ts'
import { readPage } from '../../sidecar/sync/read-page.ts'
import { planOptions, testIdentity } from '../registry/helpers.ts'

const { transform } = planOptions

function read(text: string) {
  const body = Buffer.from(text)
  const page = { rows: cutList(body, 'data').list, body, sourceNow: 0 }
  return readPage(page, new PageWriter({ id: 1, source: 'kki' }, testIdentity(), async count => Array(count).fill(1)), {
    transform,
    maxSkewMs: 0
  })
}

test('a row that is not JSON breaks the contract, and is not quoted', async () => {
  await assert.rejects(read('{"data":[{"nama":"Orang Rekaan",}]}'), error => {
    const { code, message, cause } = error as Error & { code: string }
    assert.equal(code, 'KKI_CONTRACT')
    assert.equal(message, 'KKI sent a row that is not valid JSON, number 1 of its page')
    assert.equal(cause, undefined)
    return true
  })
})
