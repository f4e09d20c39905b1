import { ConfigurationError } from '../errors.ts'
import { readTextFile } from '../platform/strict-text.ts'
import { type Mapping, parseMapping } from '../transform/mapping.ts'

/** Returns the mapping of a file, checked. @throws ConfigurationError naming `KKI_MAPPING_FILE` */
export async function loadMapping(file: string): Promise<Mapping> {
  let text: string
  try {
    text = await readTextFile(file)
  } catch (cause) {
    throw new ConfigurationError('KKI_MAPPING_FILE', `cannot be read (${(cause as { code?: string }).code})`, { cause })
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new ConfigurationError('KKI_MAPPING_FILE', 'is not JSON', { cause })
  }
  return parseMapping(json)
}
