import { counted, plural } from '../../platform/plural.ts'
import type { Words } from './words.ts'

const isOrAre = (count: unknown) => plural(count, 'is', 'are')
const hasOrHave = (count: unknown) => plural(count, 'has', 'have')
const wasOrWere = (count: unknown) => plural(count, 'was', 'were')

export const english: Words = {
  findings: {
    unreachable: p => `The source ${p.problem}. Check KKI_BASE_URL and the network.`,
    certificateRejected: p => `The source ${p.problem}.`,
    tooSlow: p => `The source ${p.problem}. Ask for smaller pages, or raise KKI_PAGE_TIMEOUT.`,
    secretIncomplete: p => `The credentials cannot be used: ${p.problem}.`,
    credentialsDenied: p =>
      `The source rejects the credentials (${denial(p.status)}). Check the secret "kki", and how the description sends it.`,
    tokenPathWrong: p => `The path of the token request does not exist there (status ${p.status}).`,
    tokenElsewhere: p => `The token answer has no token at ${p.expected}; something like a token stands at ${p.found}.`,
    tokenMissing: p => `The token answer has no usable token at ${p.expected}.`,
    tokenUnavailable: p => `The token request is answered with status ${p.status}. Try again later.`,
    redirected: p =>
      `The source redirects to ${p.location} (status ${p.status}). Redirects are not followed: describe that place.`,
    htmlAnswered: p =>
      `The source answers with a web page (HTML, status ${p.status}), not with JSON. KKI_BASE_URL or the path leads to a website or a login page.`,
    pathNotFound: p => `The path ${p.path} does not exist below KKI_BASE_URL (status 404).`,
    methodDenied: p => `The source denies the method ${p.method} for this path (status 405).`,
    tokenDenied: p =>
      `The source rejects the token or key on the request for the list (status ${p.status}${p.place === '' ? '' : `, by its code at ${p.place}`}). Check where it is sent: header or query, name, prefix, and scope.`,
    forbidden: p => `These credentials may not read the list (status ${p.status}). Ask the council for the right.`,
    firstNumberWrong: p => `The source counts from ${p.countsFrom}; the description says ${p.described}.`,
    requestDenied: p =>
      `The source denies the request (status ${p.status}, page ${p.page}). Check the names and forms of the parameters.`,
    unavailable: p =>
      `The source answers with status ${p.status} (page ${p.page}). Try again later, or ask its operator.`,
    encodingBroken: () =>
      'The body does not match its Content-Encoding: the compression (gzip) is broken. Ask the operator of the source.',
    notJson: p => `The answer is not JSON (Content-Type ${p.type}).`,
    faultReported: p =>
      `The source reports a fault${p.place === '' ? ` (status ${p.status})` : ` at ${p.place}`}. If the code concerns the token or key, check /authentication: where it is sent, name and prefix. Otherwise check the request.`,
    rowsElsewhere: p => `No list stands at "${p.expected}". Lists of records stand at ${p.found}.`,
    errorInBody: p =>
      `The answer has status 2xx and no rows, but a code at ${p.place}: ${p.code}. If it reports a fault, describe it.`,
    rowsMissing: p =>
      `No list stands at "${p.expected}", but ${p.stands}, and the answer has no other list of records.`,
    errorReported: p => `The source reports an error at ${p.at}, although the status is 2xx.`,
    linkElsewhere: () =>
      'The address of the next page is on another host or path than KKI_BASE_URL. Credentials are not sent there.',
    nextMissing: p => `The next page cannot be found: the source ${p.problem}.`,
    clockMissing: () =>
      'The answer has no readable time of the source where the description says. Describe another clock.',
    moduleFailed: p => `${p.problem}.`,
    answerUnusable: p => `The source ${p.problem}.`,
    noRows: () => 'The source answers without any row. Check the parameters that filter.',
    pageRepeated: () =>
      'The second page has the rows of the first: the source does not know the parameter that names the page.',
    cursorRepeated: () => 'A cursor comes again: the paging would never end. Check what stands at the cursor.',
    rowsRepeated: p =>
      `${p.rows} of ${counted(p.of, 'row')} came on two pages. Ask for a constant order, and check the paging.`,
    windowShifted: p =>
      `The window is off by ${counted(p.hours, 'hour')}: a time zone is wrong. Check the zone of the window and the zone of the dates.`,
    windowIgnored: p =>
      `${p.outside} of ${counted(p.received, 'row')} ${isOrAre(p.outside)} outside the window. Either the source ignores the window: check the names of its parameters. Or its times are shifted: check the zones of the window and of the dates.`,
    windowEmpty: p =>
      `A window that holds ${counted(p.expected, 'sampled row')} brings none. Check the format of the bounds, such as seconds or milliseconds.`,
    sinceExclusive: () => 'The source leaves out rows at the start of the window: the bound since is exclusive.',
    timesInFuture: p =>
      `${counted(p.rows, 'row')} changed in the future, by ${counted(p.hours, 'hour')} at most: the zone of the dates is wrong, or the clock.`,
    clockWrong: p => `The clock of the source is ${p.seconds} s ${p.direction} ours.`,
    fieldElsewhere: p => `No row has a value at ${p.expected}; ${p.field} seems to stand at ${p.found}.`,
    fieldEmpty: p =>
      `${p.rows} of ${counted(p.of, 'row')} ${hasOrHave(p.rows)} no value for ${p.field} at ${p.expected}.`,
    numberInexact: p =>
      `${counted(p.rows, 'row')} ${hasOrHave(p.rows)} ${p.field} as a number, which may have lost digits. Ask the source for text.`,
    nikRounded: p =>
      `${p.rows} of ${counted(p.of, 'NIK')} ${isOrAre(p.rows)} rounded, such as 3.2E+15. A spreadsheet has damaged them.`,
    namesMasked: p =>
      `${p.rows} of ${counted(p.of, 'name')} ${isOrAre(p.rows)} masked with asterisks. Ask the source for full names.`,
    dayMonthExchanged: p =>
      `Day and month are exchanged: in ${p.rows} of ${counted(p.of, 'row')} the NIK has them the other way round.`,
    datesUnread: p =>
      `No format reads ${p.rows} of ${counted(p.of, 'value')} of ${p.field}.${p.formats === '' ? '' : ` These would: ${p.formats}.`}`,
    wordsUnknown: p =>
      `${p.rows} of ${counted(p.of, 'value')} of ${p.field} ${isOrAre(p.rows)} in no table${p.words === '' ? '' : `: ${p.words}`}.${
        p.hidden === 0
          ? ''
          : ` ${counted(p.hidden, 'different value')} ${isOrAre(p.hidden)} not shown, because ${plural(p.hidden, 'it', 'they')} may be personal.`
      } Add each word there, with the meaning that the council gives it.`,
    typeWrong: p =>
      `${p.rows} of ${counted(p.of, 'value')} of ${p.field} ${hasOrHave(p.rows)} the wrong type. ${
        p.field === 'nik'
          ? 'Ask the source for text: a converter does not bring lost digits back.'
          : 'Add a converter, such as { "at": …, "convert": ["text"] }.'
      }`,
    valuesUnreadable: p => `${p.rows} of ${counted(p.of, 'value')} of ${p.field} cannot be read (${p.reasons}).`,
    unsorted: () =>
      'The rows are not in the order of their change. A row that changes during a run may be missed: ask for an order.',
    totalWrong: p => `The total says ${p.total}, and ${counted(p.received, 'row')} came.`,
    untilInclusive: () => 'The source includes rows at the end of the window: the bound until is inclusive.',
    pageSizeCapped: p =>
      `${counted(p.asked, 'row')} a page ${wasOrWere(p.asked)} asked for, and at most ${p.received} came: the source has a limit. Write it there.`,
    pageSizeIgnored: p =>
      `${counted(p.asked, 'row')} a page ${wasOrWere(p.asked)} asked for, and ${p.received} came: the source ignores the page size.`,
    slow: p => `The source gives ${counted(p.rowsPerSecond, 'row')} a second; a full run will take long.`,
    windowMissing: () => 'The description has no window: each run reads everything.'
  },
  wrong: 'Wrong',
  warning: 'Warning',
  fine: 'Fine: the source answers as described.',
  noPage: 'Token and first page: failed.',
  pages: (pages, rows, rate) => `Pages: ${pages}, with ${counted(rows, 'row')}, ${counted(rate, 'row')} a second.`,
  pageSize: (asked, received, total) =>
    `Page size: ${asked ?? 'not'} asked, ${received} received. Total: ${total ?? 'not given'}.`,
  end: isReached => `End of paging: ${isReached ? 'reached' : 'not reached with this sample'}.`,
  clock: (seconds, isBehind) => `Clock: ${seconds} s ${isBehind ? 'behind' : 'ahead of'} ours.`,
  windowNotChecked: 'Window: not checked.',
  window: ({ received, expected, outside, hasSince, hasUntil }) =>
    `Window: asked for a part with ${counted(expected, 'sampled row')}; ${received} came, ${outside} of them from outside it; since ${bound(hasSince)}, until ${bound(hasUntil)}.`,
  accepted: (accepted, rows) => `Rows: ${accepted} of ${rows} would be accepted.`,
  valid: (str, strPresent, nik, nikPresent) =>
    `Valid STR numbers: ${str} of ${strPresent}. Valid NIKs: ${nik} of ${nikPresent}.`,
  fields: 'Fields (readable, empty, unreadable):',
  notUsed: 'Not used:',
  filledIn: share => `filled in ${share}`
}

function bound(has: boolean | null): string {
  return has === null ? 'not known' : has ? 'inclusive' : 'exclusive'
}

/** Many APIs answer a wrong password with status 200, which alone would mean success. */
function denial(status: unknown): string {
  return Number(status) < 300 ? `status ${status} without a token` : `status ${status}`
}
