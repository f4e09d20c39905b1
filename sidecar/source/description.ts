import { type Static, Type } from 'typebox'
import { FieldSource, Pointer, pointerTo, Where } from '../transform/field-source.ts'
import { Dates, Fields } from '../transform/mapping.ts'
import { Tables, ZoneName } from '../transform/tables.ts'

const closed = { additionalProperties: false }
const Name = Type.String({ minLength: 1, maxLength: 100 })
const headerName = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"
const HeaderName = Type.String({ pattern: headerName, description: 'the name of a header' })
const HeaderValue = Type.String({
  pattern: '^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$',
  maxLength: 1000,
  description: 'printable ASCII'
})
const Path = Type.String({
  pattern: '^(/[^/?#\\s]+)+/?$',
  maxLength: 500,
  description: 'a path below the base URL, such as /v1/tenaga-kesehatan, without a query'
})
const Method = Type.Enum(['GET', 'POST'], { description: 'by default GET' })
const Template = Type.String({ maxLength: 1000 })

const RowsPointer = Type.String({
  pattern: '^(/([^~/]|~[01])+)*$',
  maxLength: 500,
  description: 'a JSON pointer such as /data; empty if the answer itself is the list'
})

const Query = Type.Record(Name, Type.Union([Template, Type.Array(Template, { minItems: 1, maxItems: 10 })]), {
  description:
    'query parameters. A value may contain placeholders; it is left out if one of them has no value. A list repeats the parameter'
})
const Headers = Type.Record(HeaderName, HeaderValue, { ...closed, description: 'constant headers' })
const Json = Type.Record(Name, Type.Unknown(), {
  description:
    'a JSON body. Texts in it may contain placeholders; "{page}", "{offset}" and "{pageSize}" alone become numbers. A member is left out if a placeholder has no value'
})
const Form = Type.Record(Name, Template, { description: 'a body as a form (application/x-www-form-urlencoded)' })

/** How a token or key is sent with each request. */
const carrier = {
  in: Type.Enum(['header', 'query']),
  name: Type.String({ pattern: headerName, description: 'the name of the header or parameter' }),
  prefix: Type.Optional(
    Type.String({ pattern: '^[\\x21-\\x7e][\\x20-\\x7e]*$', maxLength: 50, description: 'ASCII, such as "Bearer "' })
  )
}

const LifetimeSeconds = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 86_400, description: 'lifetime of a token in seconds, if the answer has none' })
)

const lifetimeMeaning = 'lifetime of the token in seconds, as a number or as text'

const OAuth2 = Type.Object(
  {
    type: Type.Literal('oauth2'),
    path: Path,
    credentialsIn: Type.Enum(['body', 'basic'], {
      description:
        'how client id and client secret are sent: as client_id and client_secret in the form, or as HTTP Basic'
    }),
    parameters: Type.Optional(
      Type.Record(Name, Template, { description: 'further constant parameters, such as scope' })
    ),
    parametersIn: Type.Optional(
      Type.Enum(['body', 'query'], {
        description: 'where grant_type and the parameters are sent; by default in the body'
      })
    ),
    refreshToken: Type.Boolean({ description: 'whether a refresh token of the answer is used' }),
    token: Type.Optional(pointerTo('place of the token in the answer; by default /access_token')),
    expiresIn: Type.Optional(pointerTo(`${lifetimeMeaning}; by default /expires_in`)),
    lifetimeSeconds: LifetimeSeconds
  },
  { ...closed, description: 'OAuth 2 client credentials; the secret has clientId and clientSecret' }
)

const Session = Type.Object(
  {
    type: Type.Literal('session'),
    path: Path,
    json: Type.Optional(Json),
    form: Type.Optional(Form),
    token: pointerTo('place of the token in the answer'),
    expiresIn: Type.Optional(pointerTo(lifetimeMeaning)),
    lifetimeSeconds: LifetimeSeconds,
    ...carrier
  },
  {
    ...closed,
    description:
      'a login request (POST) that returns a token; {username} and {password} come from the secret. An answer without a token counts as rejected credentials. Without expiresIn and lifetimeSeconds the token is used until it is denied, a day at most'
  }
)

const Authentication = Type.Union([
  OAuth2,
  Session,
  Type.Object(
    { type: Type.Literal('bearer') },
    { ...closed, description: 'a token that does not change; the secret has token' }
  ),
  Type.Object(
    { type: Type.Literal('api_key'), ...carrier },
    { ...closed, description: 'a key in a header or in the query; the secret has apiKey' }
  ),
  Type.Object(
    { type: Type.Literal('basic') },
    { ...closed, description: 'HTTP Basic; the secret has username and password' }
  ),
  Type.Object(
    { type: Type.Literal('none') },
    { ...closed, description: 'no authentication, or one that the module adds' }
  )
])

const boundOf = (name: string) =>
  Type.Optional(
    Type.Enum(['inclusive', 'exclusive'], {
      description: `whether the source returns rows exactly at the bound; required with {${name}}`
    })
  )
const Window = Type.Object(
  {
    format: Type.String({
      minLength: 1,
      maxLength: 50,
      description:
        'format of {since} and {until}: instant (2026-11-21T03:00:00.000Z), epochSeconds, epochMilliseconds, or a pattern of YYYY, MM, DD, HH, mm, ss, such as YYYY-MM-DDTHH:mm:ss; other characters are literal. A coarser format widens the window, and rows outside the exact window are removed'
    }),
    zone: Type.Optional(ZoneName),
    since: boundOf('since'),
    until: boundOf('until')
  },
  { ...closed, description: 'the window of change times' }
)

/** The form of a request. */
const template = {
  method: Type.Optional(Method),
  path: Path,
  query: Type.Optional(Query),
  headers: Type.Optional(Headers),
  json: Type.Optional(Json),
  form: Type.Optional(Form)
}

const Request = Type.Object(
  {
    ...template,
    window: Type.Optional(Window)
  },
  {
    ...closed,
    description:
      'the request for a page. Placeholders: {since}, {until}, {profession}, {pageSize}, and that of the paging: {cursor}, {page} or {offset}'
  }
)

const HasMore = Type.Optional(pointerTo('place of a boolean: whether more pages exist'))

const end = {
  emptyPage: Type.Optional(
    Type.Literal(true, { description: 'a page without rows is the last one, even if it names a next one' })
  ),
  hasMore: HasMore
}

const nextMayBe = Type.Optional(
  Type.Array(Type.Enum(['absent', 'blank']), {
    minItems: 1,
    maxItems: 2,
    description: 'value at the pointer `next` of the last page, other than null'
  })
)

const Paging = Type.Union([
  Type.Object(
    { type: Type.Literal('cursor'), next: FieldSource, nextMayBe, ...end },
    { ...closed, description: 'each answer has the cursor of the next page at `next`; null: the last page' }
  ),
  Type.Object(
    { type: Type.Literal('json_link'), next: FieldSource, nextMayBe, ...end },
    { ...closed, description: 'each answer has the address of the next page at `next`; null: the last page' }
  ),
  Type.Object(
    { type: Type.Literal('header_link'), ...end },
    { ...closed, description: 'the header Link names the next page with rel="next"; without it the page is the last' }
  ),
  Type.Object(
    {
      type: Type.Literal('page_number'),
      firstPage: Type.Integer({ minimum: 0, maximum: 1, description: 'the number of the first page' }),
      lastPage: Type.Optional(pointerTo('the number of the last page')),
      hasMore: HasMore
    },
    {
      ...closed,
      description:
        '{page} counts pages; a page without rows ends the list. Each page is requested again after the next one, because rows move forward when another row changes its place'
    }
  ),
  Type.Object(
    {
      type: Type.Literal('offset'),
      firstOffset: Type.Integer({ minimum: 0, maximum: 1, description: 'the offset of the first row' }),
      hasMore: HasMore
    },
    {
      ...closed,
      description:
        '{offset} counts received rows; a page without rows ends the list. Each page is requested from the last row of the previous one, because rows move forward when another row changes its place'
    }
  ),
  Type.Object({ type: Type.Literal('single_page') }, { ...closed, description: 'one answer has all rows' })
])

const Code = Type.Union([Type.String({ minLength: 1, maxLength: 100 }), Type.Integer()], {
  description: 'a text or a whole number; 200 and "200" are equal'
})
const Codes = Type.Array(Code, { minItems: 1, maxItems: 50 })
const Meaning = Type.Enum(['tokenDenied', 'tryLater', 'stop', 'noRows'], {
  description:
    'consequence. tokenDenied: repeat once with a new token. tryLater: repeat after a pause. stop: the batch fails. noRows: an answer without rows'
})
const status = Type.Optional(
  Type.Integer({ minimum: 200, maximum: 599, description: 'the HTTP status; by default any 2xx' })
)

const Fault = Type.Union(
  [
    Type.Object({ status: Type.Integer({ minimum: 200, maximum: 599 }), means: Meaning }, closed),
    Type.Object({ at: Pointer, equals: Codes, status, means: Meaning }, closed),
    Type.Object({ at: Pointer, except: Codes, status, means: Meaning }, closed)
  ],
  {
    description:
      '{ at, equals, means } or { at, except, means }, with or without a status; or { status, means }. They apply to answers to `request`; the first match counts. A missing code matches `except`'
  }
)

const Answer = Type.Object(
  {
    rows: RowsPointer,
    rowsMayBe: Type.Optional(
      Type.Array(Type.Enum(['absent', 'null']), {
        minItems: 1,
        maxItems: 2,
        description: 'value at `rows` if there are no rows; otherwise it must be a list'
      })
    ),
    registrations: Type.Optional(
      Type.Object(
        { list: Pointer, where: Type.Optional(Where) },
        {
          ...closed,
          description:
            'a list inside each record: the record is read once for each element that matches `where`, with the element instead of the list'
        }
      )
    ),
    total: Type.Optional(pointerTo('number of rows on all pages')),
    errors: Type.Optional(
      Type.Array(Pointer, {
        minItems: 1,
        maxItems: 5,
        description: 'members that report an error although the status is 200; the last page must have none'
      })
    ),
    faults: Type.Optional(Type.Array(Fault, { minItems: 1, maxItems: 20 }))
  },
  { ...closed, description: 'the content of an answer' }
)

const Clock = Type.Union([
  Type.Object({ from: Type.Literal('date_header') }, { ...closed, description: 'the header Date of each answer' }),
  Type.Object(
    { from: Type.Literal('field'), at: Pointer, format: Type.String({ minLength: 1, maxLength: 50 }) },
    { ...closed, description: 'a field of each answer' }
  ),
  Type.Object(
    { from: Type.Literal('own'), marginSeconds: Type.Integer({ minimum: 0, maximum: 86_400 }) },
    { ...closed, description: 'our own clock; windows end this much earlier' }
  )
])

const OneByStr = Type.Object(
  {
    ...template,
    rows: Type.Optional(RowsPointer),
    record: Type.Optional(RowsPointer)
  },
  {
    ...closed,
    description:
      'the request for the records of one STR, with the placeholder {strNumber}. `rows` is their place, or `record` that of a single one; by default the rows of the answer. Status 404 means: none'
  }
)

const Limits = Type.Object(
  {
    pageSize: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, description: 'the value of {pageSize}; KKI_PAGE_SIZE replaces it' })
    ),
    requestsPerSecond: Type.Optional(
      Type.Number({ minimum: 0.01, maximum: 1000, description: 'limit of one process, including token requests' })
    ),
    pagesAtOnce: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 8,
        description: 'pages that are requested concurrently, with paging of the type offset; by default 1'
      })
    )
  },
  closed
)

/** The schema of a source description: the requests to an API of health workers, and the meaning of its answers. */
export const DescriptionSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    authentication: Authentication,
    request: Request,
    paging: Paging,
    answer: Answer,
    clock: Clock,
    oneByStr: Type.Optional(OneByStr),
    limits: Type.Optional(Limits),
    module: Type.Optional(
      Type.String({
        pattern: '^[^\\0]+\\.(ts|mts|js|mjs)$',
        maxLength: 500,
        description: 'a TypeScript or JavaScript file, next to the description, that signs requests or decodes answers'
      })
    ),
    fields: Fields,
    dates: Dates,
    tables: Type.Optional(
      Type.Partial(Tables, { ...closed, description: 'a missing table is that of contracts/sources/kki.json' })
    )
  },
  { ...closed, title: 'A source of health workers: its requests, and the meaning of its answers' }
)

/** A description in the form of its file. */
export type DescriptionFile = Static<typeof DescriptionSchema>

export type Authentication = Static<typeof Authentication>
export type RequestTemplate = Static<typeof Request>
export type Window = Static<typeof Window>
export type Paging = Static<typeof Paging>
export type Answer = Static<typeof Answer>
export type Fault = Static<typeof Fault>
export type Clock = Static<typeof Clock>
export type OneByStr = Static<typeof OneByStr>
export type Limits = Static<typeof Limits>

/** A loaded description: checked, and with every table. */
export interface SourceDescription {
  authentication: Authentication
  request: RequestTemplate
  paging: Paging
  answer: Answer
  clock: Clock
  oneByStr: OneByStr | null
  limits: Limits
  /** The absolute path of the integrator's module. */
  module: string | null
  fields: Fields
  dates: Dates
  tables: Tables
}
