/** The simulated KKI of a lane, in its own process: `node chaos/simulator.ts ROWS SEED`. Ends with its parent process. */
import { startSimulator } from '../simulator/simulator.ts'

const [rows, seed] = process.argv.slice(2).map(Number) as [number, number]
// A lifetime so short that tokens are renewed within every run.
const { url, clientId, clientSecret } = await startSimulator({ rows, seed, tokenLifetimeSeconds: 12 })
console.log(JSON.stringify({ url, clientId, clientSecret }))
process.stdin.resume().once('end', () => process.exit())
