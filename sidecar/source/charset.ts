import { isAscii, isUtf8 } from 'node:buffer'
import { MIMEType } from 'node:util'
import { AttemptFailed } from './attempt.ts'

/**
 * Returns a body in UTF-8: the same buffer, or a new one where `Content-Type` names another charset. Nothing is replaced
 * by U+FFFD, which would overwrite a good name.
 *
 * JSON is UTF-8 whatever the header says (RFC 8259, section 8.1), and many servers name a charset by default. So a body
 * that can only be UTF-8 is taken as that; text of another charset never looks like it by chance.
 * @throws AttemptFailed where the bytes are not of the charset, or the charset is not known
 */
export function toUtf8(body: Buffer, contentType: string | null, hasUnknownCoding: boolean): Buffer {
  const charset = charsetOf(contentType)
  const decoder = charset === null ? null : decoderFor(charset)
  if (decoder === null || decoder.encoding === 'utf-8' || (isUtf8(body) && !isAscii(body))) {
    if (isUtf8(body)) return body
    throw broken(
      `sent a body that is not UTF-8${hasUnknownCoding ? ', with a Content-Encoding that is not known' : ''}`
    )
  }
  try {
    return Buffer.from(decoder.decode(body))
  } catch {
    throw broken('sent a body that is not of the charset that its Content-Type names')
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
    throw broken('sent a body in a charset that is not known')
  }
}

function broken(problem: string): AttemptFailed {
  return new AttemptFailed({ kind: 'contract', problem })
}
