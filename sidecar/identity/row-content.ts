/**
 * Returns the content that identifies the JSON text of a rejected row. For a row of a file (`transform/row-reader.ts`) these
 * are its columns, so the same row is recognised in a later file, even on another line.
 */
export function contentOfRow(text: string): string {
  const end = text.startsWith('{"columns":') ? text.lastIndexOf(',"fileRow":') : -1
  return end < 0 ? text : text.slice(0, end)
}
