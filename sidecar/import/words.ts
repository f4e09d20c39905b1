/** Faults of a file. */
export type FaultCode =
  | 'cellTooFar'
  | 'columnMissing'
  | 'columnTwice'
  | 'columnUnknown'
  | 'denied'
  | 'folder'
  | 'formatUnknown'
  | 'headerElsewhere'
  | 'headerMissing'
  | 'inTwoPlaces'
  | 'isUtf8'
  | 'listDamaged'
  | 'missing'
  | 'niksRounded'
  | 'noRecords'
  | 'noVisibleSheet'
  | 'notCsv'
  | 'notInEncoding'
  | 'notUtf8'
  | 'notWorkbook'
  | 'notXlsx'
  | 'nul'
  | 'partDamaged'
  | 'partMissing'
  | 'partNotXml'
  | 'partTooLarge'
  | 'password'
  | 'quoteOpen'
  | 'recordTooLong'
  | 'sheetForPeople'
  | 'sheetMissing'
  | 'textsTooLarge'
  | 'tooDeep'
  | 'tooFewValues'
  | 'tooLong'
  | 'tooManySheets'
  | 'unreadable'
  | 'valueTooLong'
  | 'valueWithoutColumn'

export type FaultParams = Record<string, string | number>

/** A place in a file: a line of a text or a row of a sheet, and a column by number or name. */
export interface Place {
  line?: number
  row?: number
  character?: number
  column?: number | string
}

/** The texts for faults of files in one language. */
export interface Words {
  /** Begins the sentence if there is no place to name. */
  file: string
  /** Returns an empty text for an empty place. */
  place: (place: Place) => string
  /** The fault, and how to correct it. */
  faults: Record<FaultCode, (params: FaultParams) => string>
}
