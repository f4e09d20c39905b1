import { type OdooCommands, OdooFailed } from './commands.ts'

const mark = 'SDMK-SCRIPT-DONE '

/**
 * Runs Python in Odoo with `given` at hand and returns what the script put into `result`, both as JSON. They go through
 * pipes, so what they hold is seen in no list of processes.
 */
export async function runScript(
  odoo: Pick<OdooCommands, 'shell'>,
  database: string,
  script: string,
  given: unknown
): Promise<unknown> {
  // A text of JSON in quotes is a text of Python as well.
  const head = `import json\ngiven = json.loads(${JSON.stringify(JSON.stringify(given))})\nresult = None\n`
  const { code, lines } = await odoo.shell(
    database,
    `${head}${script}\nprint(${JSON.stringify(mark)} + json.dumps(result))\n`
  )
  const answer = lines.find(line => line.startsWith(mark))
  if (code === 0 && answer !== undefined) return JSON.parse(answer.slice(mark.length))
  throw new OdooFailed(`a script in Odoo failed:\n${lines.slice(-15).join('\n')}`)
}
