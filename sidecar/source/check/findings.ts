/**
 * The possible findings of a check, the most likely cause first: a missing token explains a missing page, and a wrong place
 * of the rows explains fields without values.
 */
export const findingCodes = [
  'unreachable',
  'certificateRejected',
  'tooSlow',
  'secretIncomplete',
  'credentialsDenied',
  'tokenPathWrong',
  'tokenElsewhere',
  'tokenMissing',
  'tokenUnavailable',
  'redirected',
  'htmlAnswered',
  'pathNotFound',
  'methodDenied',
  'tokenDenied',
  'forbidden',
  'firstNumberWrong',
  'requestDenied',
  'unavailable',
  'encodingBroken',
  'notJson',
  'faultReported',
  'rowsElsewhere',
  'errorInBody',
  'rowsMissing',
  'errorReported',
  'linkElsewhere',
  'nextMissing',
  'clockMissing',
  'moduleFailed',
  'answerUnusable',
  'noRows',
  'pageRepeated',
  'cursorRepeated',
  'rowsRepeated',
  'clockWrong',
  'timesInFuture',
  'windowShifted',
  'windowIgnored',
  'windowEmpty',
  'sinceExclusive',
  'fieldElsewhere',
  'fieldEmpty',
  'numberInexact',
  'nikRounded',
  'namesMasked',
  'dayMonthExchanged',
  'datesUnread',
  'wordsUnknown',
  'typeWrong',
  'valuesUnreadable',
  'unsorted',
  'totalWrong',
  'untilInclusive',
  'pageSizeCapped',
  'pageSizeIgnored',
  'slow',
  'windowMissing'
] as const

export type FindingCode = (typeof findingCodes)[number]

export interface Finding {
  code: FindingCode
  /** `wrong`: a run would fail or lose rows. `warning`: worth a look. */
  level: 'wrong' | 'warning'
  /** The place in the description to check; empty for a setting or the source itself. */
  at: string
  params: Record<string, string | number>
}

/** Sorts findings: wrong ones before warnings, and the most likely cause first. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const rank = ({ code, level }: Finding) => findingCodes.indexOf(code) + (level === 'wrong' ? 0 : findingCodes.length)
  return findings.toSorted((a, b) => rank(a) - rank(b))
}
