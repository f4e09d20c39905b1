/**
 * Returns the address of a `Link` header's entry with `rel="next"`; `null` if there is none.
 * @see https://www.rfc-editor.org/rfc/rfc8288#section-3
 */
export function findNextLink(header: string | null): string | null {
  if (header === null) return null
  for (let at = 0; ; ) {
    const open = header.indexOf('<', at)
    const close = open < 0 ? -1 : header.indexOf('>', open)
    if (close < 0) return null
    const end = endOfEntry(header, close + 1)
    if (hasNextRelation(header.slice(close + 1, end))) return header.slice(open + 1, close)
    at = end + 1
  }
}

/** Returns the place of the comma after an entry, outside of quotation marks. */
function endOfEntry(header: string, from: number): number {
  let isQuoted = false
  for (let at = from; at < header.length; at++) {
    const char = header[at]
    if (char === '"') isQuoted = !isQuoted
    else if (char === ',' && !isQuoted) return at
  }
  return header.length
}

function hasNextRelation(parameters: string): boolean {
  return parameters.split(';').some(parameter => {
    const [name = '', value = ''] = parameter.split('=', 2)
    if (name.trim().toLowerCase() !== 'rel') return false
    return value.trim().replaceAll('"', '').toLowerCase().split(' ').includes('next')
  })
}
