import { type OdooCommands, OdooFailed } from './commands.ts'

const mark = 'SDMK-SCRIPT-DONE '

/**
 * Runs Python in Odoo with `given` and returns the script's `result`, both as JSON. They are sent through pipes, so the
 * process list does not show their content.
 */
export async function runScript(
  odoo: Pick<OdooCommands, 'shell'>,
  database: string,
  script: string,
  given: unknown
): Promise<unknown> {
  // A JSON string literal is also a Python string literal.
  const head = `import json\ngiven = json.loads(${JSON.stringify(JSON.stringify(given))})\nresult = None\n`
  const { code, lines } = await odoo.shell(
    database,
    `${head}${script}\nprint(${JSON.stringify(mark)} + json.dumps(result))\n`
  )
  const answer = lines.find(line => line.startsWith(mark))
  if (code === 0 && answer !== undefined) return JSON.parse(answer.slice(mark.length))
  throw new OdooFailed(`a script in Odoo failed:\n${lines.slice(-15).join('\n')}`)
}
