/** Texts that would forge a line of a report, erase one on a terminal, or show another order than they have. */
export const forged: Record<string, string> = {
  'a line feed': 'Checked\n2026-01-01T00:00:00Z somebody.else: Audit',
  'a carriage return': 'Checked\rForged',
  'a line separator': 'Checked\u2028Forged',
  'a paragraph separator': 'Checked\u2029Forged',
  'a next line control': 'Checked\u0085Forged',
  'a tab': 'Checked\tForged',
  'an escape that erases the line': 'Checked\u001b[2K\u001b[1A',
  'the C1 form of that escape': 'Checked\u009b2K',
  'a bell': 'Checked\u0007',
  'a backspace': 'Checked\b\b\b',
  'an override of direction': 'Checked \u202egnisrever',
  'an isolate': 'Checked \u2066isolated',
  'a mark of direction': 'Checked \u200f.',
  'an invisible blank': 'Che\u200bcked',
  'an invisible tag': 'Checked\u{e0041}\u{e0042}',
  'a private character': 'Checked \ue000'
}

/** Texts in which nothing is hidden. */
export const honest: Record<string, string> = {
  English: 'Checked with the card, "front" and back \\ all right',
  Indonesian: 'Diperiksa dengan KTP – sesuai, nama ‘Nurʻaini’',
  Arabic: 'تم التحقق من البطاقة',
  Persian: 'بررسی می\u200cشود',
  emoji: 'Checked 👩🏽‍⚕️ ✔️ 🇮🇩',
  long: 'x'.repeat(500)
}
