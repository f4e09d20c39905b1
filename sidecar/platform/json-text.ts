/** Parses a JSON document in UTF-8; skips a byte order mark, which `JSON.parse` does not accept. @throws SyntaxError */
export function parseJson(body: Buffer): unknown {
  return JSON.parse(readJsonText(body))
}

/** Returns the text of a JSON document in UTF-8, without a byte order mark. */
export function readJsonText(body: Buffer): string {
  const text = body.toString('utf8')
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}
