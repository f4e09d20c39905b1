/**
 * Returns what the JSON text of a rejected row is known by. A row of a file (`transform/row-reader.ts`) is known by its
 * columns: it is the same row in a later file, and behind a line that was added.
 */
export function contentOfRow(text: string): string {
  const end = text.startsWith('{"columns":') ? text.lastIndexOf(',"fileRow":') : -1
  return end < 0 ? text : text.slice(0, end)
}
