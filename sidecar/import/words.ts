/** What can be wrong with a file. */
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

/** Where in a file: a line of a text or a row of a sheet, and a column by its number or its name. */
export interface Place {
  line?: number
  row?: number
  character?: number
  column?: number | string
}

/** The words of faults of files in one language. */
export interface Words {
  /** Stands in front where no place can be named. */
  file: string
  /** Returns an empty text for an empty place. */
  place: (place: Place) => string
  /** What is wrong, and what helps. */
  faults: Record<FaultCode, (params: FaultParams) => string>
}
