import { DescriptionSchema } from '../../sidecar/source/description.ts'
import { FieldSource, OneValue, Pointer, Where } from '../../sidecar/transform/field-source.ts'

/** The parts of a JSON schema that the reference shows. */
interface Schema {
  type?: string
  const?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  required?: string[]
  description?: string
  minimum?: number
  maximum?: number
}

const whole = DescriptionSchema as unknown as Schema
const [fieldSource, oneValue, where, pointer] = [FieldSource, OneValue, Where, Pointer] as unknown as [
  Schema,
  Schema,
  Schema,
  Schema
]

/** Members that distinguish the kinds of a section. */
const kindMembers = ['type', 'from']

/** Parts with their own heading; elsewhere only their name is shown. */
const named = new Map<string, { name: string; description: string | undefined }>([
  [keyOf(fieldSource), { name: 'field source', description: fieldSource.description }],
  [keyOf(oneValue), { name: 'one value', description: oneValue.description }],
  [keyOf(where), { name: 'where', description: where.description }],
  [keyOf(pointer), { name: 'pointer', description: pointer.description }]
])

/** A part is the same whatever a member says about it. */
function keyOf({ description: _, ...schema }: Schema): string {
  return JSON.stringify(schema)
}

/** Returns docs/reference/source-description.md: every member of a source description, made from its schema. */
export function renderSourceReference(): string {
  const { properties = {}, required = [] } = whole
  const sections = Object.entries(properties)
    .filter(([name]) => name !== '$schema')
    .map(([name, schema]) => renderSection(name, schema, required.includes(name)))
  return `${[
    '# Source description: reference',
    'Generated from `sidecar/source/description.ts` by `npm run generate`. The guide is [Connect your KKI](../integrate/connect.md).',
    'A description is one JSON file. Unknown members are errors, except `$schema`, which editors read. A member is required unless the table says "optional". `list[].member` is a member of each element of `list`.',
    ...sections,
    renderParts()
  ].join('\n\n')}\n`
}

function renderSection(name: string, schema: Schema, isRequired: boolean): string {
  const lines = [`## ${name}`, [sentence(schema), isRequired ? '' : 'Optional.'].filter(Boolean).join(' ')]
  const variants = variantsOf(schema)
  if (variants === null) lines.push(table(schema))
  else for (const variant of variants) lines.push(`**${labelOf(variant)}** ${sentence(variant)}`.trim(), table(variant))
  return lines.filter(line => line !== '').join('\n\n')
}

/** The kinds of a section; its member `type` or `from` distinguishes them. */
function variantsOf({ anyOf }: Schema): Schema[] | null {
  return anyOf?.every(kind => kind.properties !== undefined) ? anyOf : null
}

function labelOf({ properties = {} }: Schema): string {
  const name = kindMembers.find(member => properties[member]?.const !== undefined) ?? ''
  return `\`${name}: "${properties[name]?.const}"\``
}

function table(schema: Schema): string {
  const rows = rowsOf(schema, '')
  if (rows.length === 0) return ''
  return ['| Member | Value | Meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

function rowsOf({ properties = {}, required = [] }: Schema, prefix: string): string[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    if (kindMembers.includes(name) && schema.const !== undefined) return []
    const part = named.get(keyOf(schema))
    const isOptional = !required.includes(name)
    const value = `${kindOf(schema)}${isOptional ? ', optional' : ''}`
    const row = `| \`${prefix}${name}\` | ${cell(value)} | ${cell(meaningOf(schema, part?.description))} |`
    return [row, ...(part === undefined ? membersOf(schema, `${prefix}${name}`) : [])]
  })
}

/** Rows for the members of an object, or of the objects in a list. */
function membersOf(schema: Schema, path: string): string[] {
  if (schema.properties !== undefined) return rowsOf(schema, `${path}.`)
  const { items } = schema
  if (items === undefined || named.has(keyOf(items))) return []
  const forms = (items.anyOf ?? [items]).filter(({ properties }) => properties !== undefined)
  const properties = Object.assign({}, ...forms.map(form => form.properties)) as Record<string, Schema>
  const required = Object.keys(properties).filter(name => forms.every(form => form.required?.includes(name)))
  return rowsOf({ properties, required }, `${path}[].`)
}

/** The description of a member, or of the items of its list. A part is explained once, under its name. */
function meaningOf(schema: Schema, ofPart: string | undefined): string {
  const { description } = schema
  if (description !== undefined) {
    const own = description.startsWith(ofPart ?? '\0')
      ? description.slice(ofPart?.length).replace(/^: /, '')
      : description
    return sentence({ description: own })
  }
  return schema.items === undefined || named.has(keyOf(schema.items)) ? '' : sentence(schema.items)
}

function kindOf(schema: Schema): string {
  const part = named.get(keyOf(schema))
  if (part !== undefined) return `[${part.name}](#parts)`
  if (schema.enum) return schema.enum.map(value => `\`${JSON.stringify(value)}\``).join(' or ')
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.anyOf)
    return schema.anyOf
      .map(kindOf)
      .filter((kind, at, all) => all.indexOf(kind) === at)
      .join(' or ')
  if (schema.items) return `list of ${kindOf(schema.items)}`
  if (schema.patternProperties) {
    const [value] = Object.values(schema.patternProperties)
    return value && Object.keys(value).length > 0 ? `object of ${kindOf(value)}` : 'object'
  }
  if (schema.minimum !== undefined && schema.maximum !== undefined)
    return `${schema.type === 'integer' ? 'whole number' : 'number'}, ${schema.minimum} to ${schema.maximum}`
  return (
    { string: 'text', object: 'object', integer: 'whole number', number: 'number', boolean: 'true or false' }[
      schema.type ?? ''
    ] ?? 'any value'
  )
}

function renderParts(): string {
  const kinds = fieldSource.anyOf ?? []
  return [
    '## Parts',
    `A **pointer** is ${pointer.description}. It reads own members only. A pointer does not go through a list, except by an index such as \`/name/0\`.`,
    `**where** is ${where.description}.`,
    `A **field source** is ${fieldSource.description}; **one value** is ${oneValue.description}:`,
    [
      '| Form | Meaning |',
      '| --- | --- |',
      ...kinds.map(kind => `| ${cell(formOf(kind))} | ${cell(sentence(kind))} |`)
    ].join('\n'),
    'Each of them may have `convert`, except a bare pointer and `constant`. It is a list of these, in this order:',
    `${kinds.find(kind => kind.properties?.convert)?.properties?.convert?.description?.replace(/^in this order: /, '')}.`
  ].join('\n\n')
}

function formOf({ properties }: Schema): string {
  return properties
    ? `\`{ ${Object.keys(properties)
        .filter(name => name !== 'convert')
        .join(', ')} }\``
    : '`"/pointer"`'
}

function sentence({ description = '' }: Schema): string {
  if (description === '') return ''
  const text = description.charAt(0).toUpperCase() + description.slice(1)
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
