/**
 * Sixteen decimal digits of any script, each apart from the next by at most three characters that are no letters:
 * `31.71.01.170885.0001`, `3171 – 0117 – 0885 – 0001`. Longer runs count too, and so does a number that cannot be a NIK:
 * a damaged one still belongs to somebody.
 *
 * Two numbers side by side, such as a date and a telephone number, are caught where together they have sixteen digits and
 * no word stands between them. The letters O and l typed for 0 and 1 are not read as digits, since words have them too.
 */
const identityNumber = /\p{Nd}(?:[^\p{L}\p{Nd}]{0,3}\p{Nd}){15}/u

/** No digit, and nothing that could become one: true of most texts, and much cheaper to find out than the rest. */
const hasNoDigit = /^[^\d\u0080-\uffff]*$/

/**
 * Returns whether a NIK may stand somewhere in a text, which then must not be stored or logged in clear. Compatibility
 * forms (full width, circled, superscript) count as the digits that they stand for.
 */
export function holdsIdentityNumber(text: string): boolean {
  return !hasNoDigit.test(text) && identityNumber.test(text.normalize('NFKC'))
}
