import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../e2e/helpers.ts'
import { runSdmk } from '../e2e/process.ts'
import { certificateCases, privateAuthority } from '../helpers/certificate.ts'
import { startTlsFront } from '../helpers/tls-front.ts'
import { drained, openWorld } from './helpers/world.ts'

const { skip, world } = await openWorld()

for (const transport of ['xmlrpc', 'json2'] as const) {
  test(`over ${transport}, Odoo with a certificate of a private authority is accepted; one that is wrong is named in one line`, {
    skip
  }, async t => {
    const { pool, proxy, env } = await world.connect(t, transport)
    await drained(pool)
    const authority = privateAuthority('Rekaan')
    const caFile = path.join(await temporaryFolder(t), 'ca.crt')
    await writeFile(caFile, authority.cert)
    const behind = async (url: string) => {
      const given = { ...env, SDMK_ODOO_URL: url, NODE_EXTRA_CA_CERTS: caFile }
      const { code, stdout, stderr } = await runSdmk(['odoo', 'compare', '--json'], given)
      const doctor = await runSdmk(['doctor', '--json'], given)
      const { findings } = JSON.parse(doctor.stdout) as { findings: { check: string; state: string; found: string }[] }
      return { code, stdout, stderr, finding: findings.find(({ check }) => check === 'writing to Odoo') }
    }
    for (const { name, identity, code: reason } of certificateCases(authority)) {
      const front = await startTlsFront(t, identity, proxy.url)
      const { code, stdout, stderr, finding } = await behind(front.url)
      if (reason === null) {
        assert.equal(code, 0, stderr)
        const differing = Object.values(JSON.parse(stdout) as Record<string, number>)
        assert.deepEqual(new Set(differing), new Set([0]), stdout)
        assert.equal(finding?.state, 'ok', finding?.found)
        assert.ok(front.requests() > 0)
        continue
      }
      assert.equal(code, 1, name)
      const setting = reason === 'DEPTH_ZERO_SELF_SIGNED_CERT' ? 'NODE_EXTRA_CA_CERTS' : 'SDMK_ODOO_URL'
      const line = new RegExp(`^sdmk: Odoo has a certificate [^\\n]* ${setting}[^\\n]* \\(${reason}\\)[^\\n]*\\n$`)
      assert.match(stderr, line, name)
      assert.equal(finding?.state, 'failed')
      for (const word of [setting, reason]) assert.ok(finding?.found.includes(word), finding?.found)
      assert.equal(front.requests(), 0, `${name}: the key of the account is not sent`)
    }
  })
}
