import { ConfigurationError } from '../errors.ts'
import { findUnportable } from '../platform/portable-text.ts'
import { findSchemaFault } from '../platform/schema-fault.ts'
import type { Tables } from '../transform/tables.ts'
import { DescriptionFault } from './check-description.ts'
import {
  completeFileDescription,
  type FileDescription,
  FileDescriptionSchema,
  fileDescriptionShape
} from './file-description.ts'
import { readJson, shippedDescription } from './load.ts'

/** The variable that names the description of files. */
export const fileDescriptionVariable = 'KKI_FILE_DESCRIPTION'

/**
 * Loads and checks the description of files.
 * @throws ConfigurationError with the file, the path in it and the expected value
 */
export async function loadFileDescription(file: string): Promise<FileDescription> {
  const json = await readJson(file, fileDescriptionVariable)
  const { tables } = (await readJson(shippedDescription)) as { tables: Tables }
  const fault = (path: string, expected: string) =>
    new ConfigurationError(fileDescriptionVariable, `${file}: ${path === '' ? '/' : path}: ${expected}`)
  const unportable = findUnportable(json)
  if (unportable !== null) throw fault(unportable, 'has a character that not every receiver supports')
  if (!fileDescriptionShape.Check(json)) {
    const found = findSchemaFault(FileDescriptionSchema, json)
    throw fault(found?.path ?? '', found?.expected ?? 'is not a description of files')
  }
  try {
    return completeFileDescription(json, tables)
  } catch (error) {
    if (!(error instanceof DescriptionFault)) throw error
    throw fault(error.path, error.message)
  }
}
