import { Command } from 'commander'
import { serve } from '../main.ts'

/** Returns `sdmk serve`. */
export function serveCommand(): Command {
  return new Command('serve').description('run the service until SIGTERM or Ctrl-C').action(() => serve(process.env))
}
