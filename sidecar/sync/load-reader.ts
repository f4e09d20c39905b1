import type { Config } from '../config.ts'
import { type FileDescription, mappingOfFile } from '../source/file-description.ts'
import { loadMapping } from '../source/load.ts'
import { loadFileDescription } from '../source/load-file-description.ts'
import { createRowReader, type RowReader } from '../transform/row-reader.ts'

/** Returns the readers for rows of KKI's API and of its files, from the configuration. @throws ConfigurationError */
export async function loadReader({
  sourceFile,
  fileDescription
}: Config['kki']): Promise<{ reader: RowReader; files: FileDescription }> {
  const mapping = await loadMapping(sourceFile)
  const files = await loadFileDescription(fileDescription)
  return { files, reader: createRowReader(mapping, mappingOfFile(files)) }
}
