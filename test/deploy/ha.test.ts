import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEnv } from 'node:util'
import { Cluster, nodeNames } from '../../tools/ha/cluster.ts'
import { readText } from './helpers.ts'

const ports = { postgres: 1, patroni: 2 }
const settings = {
  password: 'x',
  etcd: 3,
  etcdPeers: 4,
  primary: 5,
  standbys: 6,
  nodes: Object.fromEntries(nodeNames.map(name => [name, ports])) as Record<(typeof nodeNames)[number], typeof ports>
}
const programs = { python: '', patroni: '', etcd: '', haproxy: '', postgres: '/bin', env: {} }

test('the cluster of the tests is given the values of the example for real machines, and no others', async () => {
  const cluster = new Cluster('/nowhere', settings, programs)
  const examples = [
    ['patroni.env', cluster.environmentOf('node1')],
    ['haproxy.env', cluster.proxyEnvironment()]
  ] as const
  for (const [file, used] of examples) {
    const example = parseEnv(await readText(`deploy/ha/${file}`))
    assert.deepEqual(Object.keys(used).toSorted(), Object.keys(example).toSorted(), file)
  }
  const named = [...(await readText('deploy/ha/haproxy.cfg')).matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name)
  assert.deepEqual([...new Set(named)].toSorted(), Object.keys(cluster.proxyEnvironment()).toSorted())
})
