import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startKki } from '../../bench/world.ts'
import { requestToken } from '../simulator/client.ts'

test('tokens of the command’s simulator live as long as it is told', async t => {
  const kki = await startKki(['--rows', '0', '--token-lifetime', '90'])
  t.after(() => kki.stop())
  const token = await requestToken(kki, { grant_type: 'client_credentials' })
  assert.equal(token.expires_in, 90)
})
