import type { FaultCode, FaultParams, Place, Words } from './words.ts'
import { english } from './words-en.ts'

/**
 * A file cannot be read. The error does not contain the file's name. Its place and parameters contain no text from the file;
 * column names come from the description.
 */
export class FileFault extends Error {
  readonly code: FaultCode
  /** Empty if the fault concerns the whole file. */
  readonly place: Place
  readonly params: FaultParams

  constructor(place: Place, code: FaultCode, params: FaultParams = {}, options?: ErrorOptions) {
    super(english.faults[code](params), options)
    this.code = code
    this.place = place
    this.params = params
  }
}

/** Returns a fault as a sentence, such as "Line 3: has 2 values, and the header has 15 columns." */
export function describeFault({ code, place, params }: FileFault, words: Words): string {
  const where = words.place(place) || words.file
  return `${where.charAt(0).toUpperCase()}${where.slice(1)}: ${words.faults[code](params)}.`
}
