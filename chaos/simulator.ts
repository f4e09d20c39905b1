/** A KKI of a lane's own, in its own process: `node chaos/simulator.ts ROWS SEED`. Ends with whoever started it. */
import { startSimulator } from '../simulator/simulator.ts'

const [rows, seed] = process.argv.slice(2).map(Number) as [number, number]
// So short a life that tokens are renewed within every run.
const { url, clientId, clientSecret } = await startSimulator({ rows, seed, tokenLifetimeSeconds: 12 })
console.log(JSON.stringify({ url, clientId, clientSecret }))
process.stdin.resume().once('end', () => process.exit())
