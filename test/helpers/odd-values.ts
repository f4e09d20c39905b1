/** The part of a JSON schema that requests of the API are described with. */
export interface RequestSchema {
  type?: string
  format?: string
  pattern?: string
  enum?: unknown[]
  anyOf?: RequestSchema[]
  items?: RequestSchema
  properties?: Record<string, RequestSchema>
  required?: string[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
}

/** Instants: those of RFC 3339, those of its relatives, and those that no calendar or clock has. */
export const oddInstants = [
  '2026-02-01T00:00:00+07:00',
  '2026-02-01t00:00:00z',
  '2026-02-01 00:00:00Z',
  '2026-02-01T00:00:00.123456789Z',
  '2026-02-01T00:00:00-00:00',
  '2026-02-01T00:00:00+23:59',
  '2024-02-29T23:59:59.999Z',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '2026-02-01T00:00:00+07',
  '2026-02-01T00:00:00+0700',
  '2016-12-31T23:59:60Z',
  '2017-01-01T06:59:60+07:00',
  '2026-02-01T24:00:00Z',
  '2026-02-01T00:00:00+24:00',
  '2026-02-30T00:00:00Z',
  '2025-02-29T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-00-00T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '0001-01-01T00:00:00+07:00',
  '9999-12-31T23:59:59-23:59',
  '+010000-01-01T00:00:00Z',
  '-000001-01-01T00:00:00Z',
  '10000-01-01T00:00:00Z',
  '2026-02-01T00:00:00',
  '2026-02-01T00:00Z',
  '2026-02-01T00:00:00.Z',
  '2026-02-01T00:00:00,5Z',
  `2026-02-01T00:00:00.${'0'.repeat(300)}Z`,
  '2026-02-01T00:00:00Z ',
  '2026-02-01T00:00:00Z[Asia/Jakarta]',
  '20260201T000000Z',
  '2026-W05-7',
  '2026-032',
  '2026-02-01',
  '01/02/2026',
  'Sun, 01 Feb 2026 00:00:00 GMT',
  '1769878800',
  '0',
  'now',
  'infinity',
  '-infinity',
  'kemarin',
  '２０２６-02-01T00:00:00Z'
]

const oddDays = [
  '2026-02-28',
  '1990-02-29',
  '0000-01-01',
  '0000-00-00',
  '0001-01-01',
  '9999-12-31',
  '10000-01-01',
  '1990-1-1',
  '01-02-1990',
  '1990-01-01T00:00:00Z',
  'infinity',
  'today',
  '１９９０-01-01'
]

/** Whole numbers as text: all that `Number` accepts, and numbers beyond the range of databases. */
export const oddNumbers = [
  '0',
  '1',
  '-1',
  '-0',
  '+5',
  '007',
  ' 5',
  '5 ',
  '5.0',
  '5.5',
  '1e3',
  '1e300',
  '0x10',
  '0b1',
  '1_000',
  '1,000',
  'NaN',
  'Infinity',
  '',
  '٣',
  '５',
  '2147483647',
  '2147483648',
  '9007199254740991',
  '9007199254740993',
  '9223372036854775808',
  '99999999999999999999',
  '9'.repeat(400)
]

const oddTexts = [
  '',
  ' ',
  'a',
  'doctor',
  "'",
  '"',
  '\\',
  '%',
  '$1',
  '{}',
  'null',
  '__proto__',
  '\u0000',
  '\ud800',
  '\uffff',
  '\u202e',
  '😀',
  'é',
  '*',
  'W/"1"',
  '"1"',
  '"999999999999999"',
  '"1", "2"',
  '1'.repeat(16),
  '１'.repeat(16),
  'a'.repeat(5000),
  `${'1 '.repeat(4000)}x`
]

/** Cron expressions: of each dialect, with too few fields, or of days that do not come. */
const oddSchedules = [
  '0 2 * * *',
  '@daily',
  '0 0 2 * * *',
  '5',
  '* *',
  '0 0 30 2 *',
  '0 0 31 4,6 *',
  '0 0 29 2 1#5',
  'H H * * *',
  '@reboot',
  '*/0 * * * *',
  '1-0 * * * *',
  '0 2 1W * *',
  '0 2 L * *',
  '0 2 * * 5L',
  '0 2 * * 2026',
  `${'0,'.repeat(40)}0 * * * *`
]

/** Odd values for the name of a field, in addition to those for its type. */
const byName: Record<string, unknown[]> = { schedule: oddSchedules }

const otherTypes = [null, true, 1.5, -0, 1e300, '1e999', '1', [], {}, [[]], { a: 1 }]

/** Returns values of every kind for a place of a request: fitting ones, the bounds and beyond, and quite other ones. */
export function oddValues(schema: RequestSchema, name = ''): unknown[] {
  return [...new Set([...fitting(schema), ...(byName[name] ?? []), ...otherTypes])]
}

/** Returns the same for a place whose values are text: path, query, header. */
export function oddTextsFor(schema: RequestSchema): string[] {
  const values = [...fitting(schema), ...(schema.type === 'integer' ? oddNumbers : oddTexts)]
  return [...new Set(values.map(value => (typeof value === 'string' ? value : JSON.stringify(value))))]
}

function fitting(schema: RequestSchema): unknown[] {
  const { type, format, minimum = 0, maximum = 2 ** 53, maxItems = 10, items = {} } = schema
  if (schema.anyOf) return schema.anyOf.flatMap(fitting)
  if (schema.enum) return [...schema.enum, 'ENTAH', ...schema.enum.map(value => String(value).toUpperCase())]
  if (type === 'integer' || type === 'number') {
    const bounds = [minimum, minimum - 1, maximum, maximum + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e19, 1e300]
    return type === 'integer' ? bounds : [...bounds, 0.1, Number.MIN_VALUE, Number.EPSILON]
  }
  if (type === 'string') {
    const long = 'x'.repeat(Math.min(schema.maxLength ?? 1000, 5000))
    const dates = format === 'date-time' ? oddInstants : format === 'date' ? oddDays : []
    return [...dates, ...oddTexts, long, `${long}x`]
  }
  if (type === 'array') {
    const one = sampleOf(items)
    return [...fitting(items).map(value => [value]), [one, one], Array.from({ length: maxItems + 1 }, () => one)]
  }
  if (type === 'object') {
    const whole = sampleOf(schema) as Record<string, unknown>
    return Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
      oddValues(property, name).map(value => ({ ...whole, [name]: value }))
    )
  }
  return [true, false]
}

/** Returns a value that is valid by the schema. An object has all of its fields. */
export function sampleOf(schema: RequestSchema): unknown {
  if (schema.anyOf) return sampleOf(schema.anyOf.find(({ type }) => type !== 'null') ?? {})
  if (schema.enum) return schema.enum[0]
  switch (schema.type) {
    case 'integer':
      return Math.max(schema.minimum ?? 1, 1)
    case 'number':
      return 0.5
    case 'boolean':
      return true
    case 'array':
      return [sampleOf(schema.items ?? {})]
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, property]) => [name, sampleOf(property)])
      )
    default:
      return sampleText(schema)
  }
}

function sampleText({ format, pattern = '', minLength = 1 }: RequestSchema): string {
  if (format === 'date-time') return '2026-01-01T00:00:00Z'
  if (format === 'date') return '1990-01-01'
  const candidates = ['checked', 'x'.repeat(minLength), '"1"', '0'.repeat(32), '3171010101900001']
  return candidates.find(text => text.length >= minLength && new RegExp(pattern, 'u').test(text)) ?? 'checked'
}
