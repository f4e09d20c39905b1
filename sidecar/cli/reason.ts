import { Option } from 'commander'
import { Compile } from 'typebox/compile'
import { Reason } from '../api/schemas.ts'
import { RequestInvalid } from '../errors.ts'
import { holdsIdentityNumber } from '../platform/identity-number.ts'
import { isPrintableLine } from '../platform/printable-text.ts'

const reason = Compile(Reason)

/** Returns the option for a reason, with the same rules as in a request. An error does not repeat an invalid text. */
export function reasonOption(): Option {
  return new Option('--reason <text>', 'kept in the audit; without names, NIK or STR').argParser(given => {
    const text = given.trim()
    if (text !== '' && !isPrintableLine(text)) {
      throw new RequestInvalid('reason', 'must be one line without invisible characters')
    }
    if (!reason.Check(text) || holdsIdentityNumber(text)) {
      throw new RequestInvalid('reason', 'must be words, without a long number')
    }
    return text
  })
}
