import { isAscii, isUtf8 } from 'node:buffer'
import { MIMEType } from 'node:util'
import { AttemptFailed } from './attempt.ts'

/**
 * Returns a body in UTF-8: the same buffer, or a new one if `Content-Type` names another charset. Invalid bytes are an error
 * and are never replaced by U+FFFD, which would overwrite a correct name.
 *
 * JSON is UTF-8 regardless of the header (RFC 8259, section 8.1), and many servers name a default charset. So a body that is
 * valid UTF-8 is read as UTF-8; text of another charset is practically never valid UTF-8.
 * @throws AttemptFailed if the bytes are invalid in the charset, or the charset is unknown
 */
export function toUtf8(body: Buffer, contentType: string | null, hasUnknownCoding: boolean): Buffer {
  const charset = charsetOf(contentType)
  const decoder = charset === null ? null : decoderFor(charset)
  if (decoder === null || decoder.encoding === 'utf-8' || (isUtf8(body) && !isAscii(body))) {
    if (isUtf8(body)) return body
    throw broken(`sent a body that is not UTF-8${hasUnknownCoding ? ', with an unknown Content-Encoding' : ''}`)
  }
  try {
    return Buffer.from(decoder.decode(body))
  } catch {
    throw broken('sent a body that is invalid in the charset of its Content-Type')
  }
}

function charsetOf(contentType: string | null): string | null {
  try {
    return contentType === null ? null : new MIMEType(contentType).params.get('charset')
  } catch {
    return null
  }
}

function decoderFor(charset: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(charset, { fatal: true })
  } catch {
    throw broken('sent a body in an unknown charset')
  }
}

function broken(problem: string): AttemptFailed {
  return new AttemptFailed({ kind: 'contract', problem })
}
