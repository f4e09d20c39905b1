import { counted } from '../platform/plural.ts'
import type { FaultParams, Words } from './words.ts'

export const english: Words = {
  file: 'the file',
  place: ({ line, row, character, column }) =>
    [
      line === undefined ? '' : `line ${line}`,
      row === undefined ? '' : `row ${row}`,
      character === undefined ? '' : `character ${character}`,
      column === undefined ? '' : `column ${typeof column === 'string' ? `"${column}"` : column}`
    ]
      .filter(Boolean)
      .join(', '),
  faults: {
    cellTooFar: p => `has a cell beyond column ${p.columns}`,
    columnMissing: p => `the header has no column "${p.column}"`,
    columnTwice: p => `the header names "${p.column}" a second time`,
    columnUnknown: p => `the header names a column that is none of ${p.columns}`,
    denied: () => 'cannot be read, because this user may not',
    folder: () => 'is a folder',
    formatUnknown: p => `its name ends with none of ${p.endings}; name its format (--format)`,
    headerElsewhere: p => `row ${p.row} does not have all columns of the description; ${lacks(p)}`,
    headerMissing: p => `none of the first ${p.rows} rows has all columns of the description; ${lacks(p)}`,
    inTwoPlaces: p => `the header has "${p.column}" in columns ${p.first} and ${p.second}; name it with its heading`,
    isUtf8: p => `is UTF-8, and not ${p.encoding}; name the encoding utf-8`,
    listDamaged: () => 'is damaged: its table of contents cannot be read',
    missing: () => 'does not exist',
    niksRounded: () => 'every NIK ends with 0: a spreadsheet has rounded them; format that column as text',
    noRecords: () => 'holds no records',
    noVisibleSheet: () => 'has no sheet that is visible',
    notCsv: p => `is not CSV (${p.reason})`,
    notInEncoding: p => `is not ${p.encoding}`,
    notUtf8: () => 'is not UTF-8; save the file as UTF-8, or name its encoding, such as windows-1252',
    notWorkbook: () => 'is not an .xlsx file: it names no workbook',
    notXlsx: () =>
      'is not an .xlsx file; it may be an older format, or have a password: save it as .xlsx without a password',
    nul: () =>
      'is the character NUL, which no text holds; save the file as UTF-8, or name its encoding, such as utf-16le',
    partDamaged: () => 'is damaged: a part cannot be unpacked',
    partMissing: () => 'is not a whole .xlsx file: a part is missing',
    partNotXml: () => 'is damaged: a part is not XML',
    partTooLarge: () => 'unpacks to far more than a list has; save the sheet as CSV',
    password: () => 'has a password; save it without one',
    quoteOpen: () => 'a quote that opens here is not closed',
    recordTooLong: p =>
      `a record that begins here is longer than ${p.characters} characters; a quote may not be closed`,
    sheetForPeople: p => `its name ends with none of ${p.endings}; save the sheet as CSV UTF-8`,
    sheetMissing: p => `has no sheet "${p.sheet}"`,
    textsTooLarge: p => `has texts of more than ${p.bytes} bytes; save the sheet as CSV`,
    tooDeep: p => `is no list: it has ${p.elements} elements within each other`,
    tooFewValues: p => `has ${counted(p.values, 'value')}, and the header has ${counted(p.columns, 'column')}`,
    tooLong: p => `is longer than ${p.characters} characters`,
    tooManySheets: p => `has more than ${p.sheets} sheets`,
    unreadable: p => `cannot be read (${p.reason})`,
    valueTooLong: p => `has a value of more than ${p.characters} characters`,
    valueWithoutColumn: p =>
      `has a value without a column in the header, which has ${p.columns}; a value that holds the delimiter needs quotes`
  }
}

function lacks({ closest, columns }: FaultParams): string {
  return closest === undefined ? `they are ${columns}` : `row ${closest} comes closest and lacks ${columns}`
}
