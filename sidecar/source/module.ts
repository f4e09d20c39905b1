import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigurationError } from '../errors.ts'
import { KkiModuleFailed } from './errors.ts'
import { sourceVariable } from './load.ts'

/** A request for a module. It may add headers, and change the body, path and query. */
export interface ModuleRequest {
  method: 'GET' | 'POST'
  /** On the origin of `KKI_BASE_URL`; the returned URL must have the same origin. */
  url: string
  headers: Record<string, string>
  body: string | null
}

export interface ModuleAnswer {
  status: number
  /** Decompressed. */
  body: Uint8Array
}

/** The fields of the secret `kki`. */
export type ModuleSecret = Readonly<Record<string, string>>

/** The possible exports of an integrator's file: one of these functions, or both. */
export interface ModuleFunctions {
  /** Returns the request to send, for example with a signature in its headers. Called for each attempt. */
  signRequest?(request: ModuleRequest, secret: ModuleSecret): ModuleRequest | Promise<ModuleRequest>
  /** Returns the JSON text of a successful answer, for example decrypted. `request` is the one that was sent. */
  openAnswer?(
    answer: ModuleAnswer,
    request: ModuleRequest,
    secret: ModuleSecret
  ): Uint8Array | string | Promise<Uint8Array | string>
}

/** An integrator's module; it gets only the request, the answer and the secret of the source. */
export interface SourceModule {
  /** @throws KkiModuleFailed */
  sign(request: ModuleRequest, secret: ModuleSecret): Promise<ModuleRequest>
  /** @throws KkiModuleFailed */
  open(answer: ModuleAnswer, request: ModuleRequest, secret: ModuleSecret): Promise<Buffer>
}

/** Loads the module that a description names. @throws ConfigurationError if it cannot be used */
export async function loadModule(file: string | null): Promise<SourceModule | null> {
  if (file === null) return null
  let functions: ModuleFunctions
  try {
    functions = (await import(pathToFileURL(file).href)) as ModuleFunctions
  } catch (cause) {
    throw new ConfigurationError(sourceVariable, `${file}: /module: cannot be loaded (${placeOf(cause, file)})`, {
      cause
    })
  }
  const { signRequest, openAnswer } = functions
  if (typeof signRequest !== 'function' && typeof openAnswer !== 'function') {
    throw new ConfigurationError(sourceVariable, `${file}: /module: must export signRequest or openAnswer`)
  }
  return wrap(file, { ...(signRequest && { signRequest }), ...(openAnswer && { openAnswer }) })
}

function wrap(file: string, { signRequest, openAnswer }: ModuleFunctions): SourceModule {
  const name = path.basename(file)
  const failed = (work: string, why: string) => new KkiModuleFailed(`the module ${name} failed in ${work}: ${why}`)
  return {
    async sign(request, secret) {
      if (signRequest === undefined) return request
      const { origin } = new URL(request.url)
      let signed: ModuleRequest
      try {
        signed = await signRequest({ ...request, headers: { ...request.headers } }, secret)
      } catch (error) {
        throw failed('signRequest', placeOf(error, file))
      }
      if (!isRequest(signed)) throw failed('signRequest', 'it must return a request: method, url, headers and body')
      if (URL.parse(signed.url)?.origin !== origin) throw failed('signRequest', 'its url is on another origin')
      return signed
    },
    async open(answer, request, secret) {
      if (openAnswer === undefined)
        return Buffer.from(answer.body.buffer, answer.body.byteOffset, answer.body.byteLength)
      let opened: unknown
      try {
        opened = await openAnswer(answer, request, secret)
      } catch (error) {
        throw failed('openAnswer', placeOf(error, file))
      }
      if (typeof opened === 'string') return Buffer.from(opened)
      if (opened instanceof Uint8Array) return Buffer.from(opened)
      throw failed('openAnswer', 'it must return bytes or a text')
    }
  }
}

function isRequest(value: unknown): value is ModuleRequest {
  if (typeof value !== 'object' || value === null) return false
  const { method, url, headers, body } = value as Record<string, unknown>
  const areTexts = typeof headers === 'object' && headers !== null && Object.values(headers).every(isText)
  return (method === 'GET' || method === 'POST') && isText(url) && areTexts && (body === null || isText(body))
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/**
 * The kind of an error and the line of the module. Its message may quote the secret or the answer, so it is not
 * repeated.
 */
function placeOf(error: unknown, file: string): string {
  if (!(error instanceof Error)) return 'it threw something other than an error'
  const line = error.stack?.split('\n').find(text => text.includes(path.basename(file)))
  const [, place] = /:(\d+):\d+\)?$/.exec(line ?? '') ?? []
  return place === undefined ? error.name : `${error.name} in line ${place}`
}
