/**
 * An integrator's module, named by signed-source.json: requests are signed with an HMAC, answers come encrypted. Indonesian
 * health insurance APIs work in this way. The secret "kki" holds consId, secretKey and userKey.
 */
import { createDecipheriv, createHash, createHmac } from 'node:crypto'

interface Request {
  method: 'GET' | 'POST'
  url: string
  headers: Record<string, string>
  body: string | null
}

type Secret = Readonly<Record<string, string>>

export function signRequest(request: Request, { consId = '', secretKey = '', userKey = '' }: Secret): Request {
  const timestamp = String(Math.floor(Date.now() / 1000))
  const signature = createHmac('sha256', secretKey).update(`${consId}&${timestamp}`).digest('base64')
  const headers = { 'x-cons-id': consId, 'x-timestamp': timestamp, 'x-signature': signature, user_key: userKey }
  return { ...request, headers: { ...request.headers, ...headers } }
}

export function openAnswer(answer: { body: Uint8Array }, request: Request, { consId, secretKey }: Secret): string {
  const envelope = JSON.parse(Buffer.from(answer.body).toString())
  if (typeof envelope.response !== 'string') return JSON.stringify(envelope)
  const key = createHash('sha256').update(`${consId}${secretKey}${request.headers['x-timestamp']}`).digest()
  const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16))
  const response = decipher.update(envelope.response, 'base64', 'utf8') + decipher.final('utf8')
  // The text is inserted unparsed, because parsing would round long numbers.
  return `{"metaData":${JSON.stringify(envelope.metaData)},"response":${response}}`
}
