import type { Argument, Command, Option } from 'commander'
import { createProgram } from '../../sidecar/cli/program.ts'

const introduction = `# Commands

Generated from \`sidecar/cli\` by \`npm run generate\`. \`sdmk\` is \`npm run sdmk --\` in a checkout, and the entry point of the image. Settings are
[environment variables](configuration.md), and \`sdmk COMMAND --help\` prints the same as this page.

Exit codes: 0, 1 (the command failed), 64 (used incorrectly: an option, an argument or a request that is not valid), 75 (the digest key is in use: call again
later) or 78 (a setting).`

/** Returns docs/reference/commands.md: each command of \`sdmk\` with its arguments and options. */
export function renderCommands(): string {
  const commands = createProgram().commands.flatMap(command => leavesOf(command, ''))
  return `${[introduction, ...commands.map(renderCommand)].join('\n\n')}\n`
}

interface Leaf {
  name: string
  command: Command
}

/** The commands that do something; the others only group them. */
function leavesOf(command: Command, prefix: string): Leaf[] {
  const name = `${prefix}${command.name()}`
  const below = command.commands.flatMap(child => leavesOf(child, `${name} `))
  return below.length > 0 ? below : [{ name, command }]
}

function renderCommand({ name, command }: Leaf): string {
  const words = command.registeredArguments.map(argumentName)
  const rows = [...command.registeredArguments.map(argumentRow), ...command.options.filter(isShown).map(optionRow)]
  return [
    `## ${name}`,
    `\`${['sdmk', name, ...words].join(' ')}\`: ${command.description()}.`,
    ...(rows.length > 0 ? [['| | Meaning |', '| --- | --- |', ...rows].join('\n')] : [])
  ].join('\n\n')
}

const isShown = ({ hidden }: Option) => !hidden

function argumentName(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`
  return argument.required ? `<${name}>` : `[${name}]`
}

function argumentRow(argument: Argument): string {
  return `| \`${argumentName(argument)}\` | ${cell([argument.description])} |`
}

function optionRow({ flags, description, mandatory, defaultValue, argChoices }: Option): string {
  // The longest list is that of the codes of rejected rows, which have their own page.
  const choices = !argChoices
    ? ''
    : argChoices.length > 12
      ? '[list](codes.md#rejected-rows--data-yang-ditolak)'
      : `one of ${argChoices.map(choice => `\`${choice}\``).join(', ')}`
  const standard = defaultValue === undefined || defaultValue === false ? '' : `by default \`${String(defaultValue)}\``
  return `| \`${flags.replaceAll('|', '\\|')}\` | ${cell([description, choices, standard, mandatory ? 'required' : ''])} |`
}

function cell(parts: string[]): string {
  return parts.filter(Boolean).join('; ').replaceAll('|', '\\|').replaceAll('\n', ' ')
}
