/** `node tools/ha/cli.ts`: a PostgreSQL cluster on this machine, to try failovers. docs/operate/cluster.md describes it. */
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Argument, Command } from 'commander'
import { reportFailure } from '../../sidecar/cli/command.ts'
import { wholeNumber } from '../../sidecar/cli/values.ts'
import { type Cluster, nodeNames, openCluster, startCluster } from './cluster.ts'

const program = new Command('ha')
  .description('start and disturb a PostgreSQL cluster with Patroni, etcd and HAProxy on this machine')
  .option('--folder <path>', 'where it keeps everything', path.join(tmpdir(), 'sdmk-ha'))

const folder = () => program.opts<{ folder: string }>().folder
const node = () => new Argument('<node>', 'the node').choices([...nodeNames, 'primary', 'standby'])

/** Adds a command that does something to one node. */
function onNode(name: string, description: string) {
  return program.command(name).description(description).addArgument(node())
}

async function resolve(cluster: Cluster, name: string) {
  if (name === 'primary') return cluster.primary()
  if (name === 'standby') return cluster.synchronousStandby()
  return name as (typeof nodeNames)[number]
}

async function tell(cluster: Cluster) {
  for (const { name, role, state } of await cluster.members()) console.log(`${name}  ${role.padEnd(12)}  ${state}`)
  console.log(`primary   ${cluster.url}\nstandbys  ${cluster.readUrl}`)
}

program
  .command('up')
  .description('start it and print its addresses')
  .action(async () => tell(await startCluster(folder())))
program
  .command('down')
  .description('end all its processes and remove its folder')
  .action(async () => (await openCluster(folder())).close())
program
  .command('status')
  .description('show the nodes')
  .action(async () => tell(await openCluster(folder())))
program
  .command('switchover')
  .description('make the synchronous standby the primary')
  .action(async () => {
    const { from, to } = await (await openCluster(folder())).switchover()
    console.log(`${from} -> ${to}`)
  })
onNode('kill', 'end a node with SIGKILL').action(async (name: string) => {
  const cluster = await openCluster(folder())
  await cluster.kill(await resolve(cluster, name))
})
onNode('vanish', 'end a node, and lose all its packets until it is started').action(async (name: string) => {
  const cluster = await openCluster(folder())
  await cluster.vanish(await resolve(cluster, name))
})
onNode('start', 'start a node that was killed or has vanished').action(async (name: string) => {
  const cluster = await openCluster(folder())
  await cluster.start(await resolve(cluster, name))
  await cluster.settled()
})
onNode('pause', 'stop all processes of a node for some time')
  .option('--seconds <number>', 'how long', wholeNumber(1, 3600), 40)
  .action(async (name: string, { seconds }: { seconds: number }) => {
    const cluster = await openCluster(folder())
    const paused = await resolve(cluster, name)
    await cluster.pause(paused)
    await wait(seconds * 1000)
    await cluster.resume(paused)
  })
program
  .command('proxy')
  .description('stop or start HAProxy')
  .addArgument(new Argument('<what>').choices(['stop', 'start']))
  .action(async (what: 'stop' | 'start') => {
    const cluster = await openCluster(folder())
    await (what === 'stop' ? cluster.stopProxy() : cluster.startProxy())
  })

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = reportFailure(error)
}
