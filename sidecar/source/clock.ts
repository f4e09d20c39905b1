import { compileInstantReader } from '../transform/dates.ts'
import { compilePointer } from '../transform/field-source.ts'
import type { SourceDescription } from './description.ts'
import type { HttpAnswer } from './http.ts'

/** Returns the source's present time in milliseconds since the epoch, or a text about the fault of the answer. */
export type ClockReader = (answer: HttpAnswer, envelope: unknown) => number | string

/** Returns a function that reads the time of an answer. */
export function compileClock({ clock, dates, tables }: SourceDescription): ClockReader {
  switch (clock.from) {
    case 'date_header':
      return ({ date }) => date ?? 'answered without a readable Date header'
    case 'own':
      return ({ answeredAt }) => answeredAt - clock.marginSeconds * 1000
    case 'field': {
      const at = compilePointer(clock.at)
      const read = compileInstantReader([clock.format], tables.monthNames, dates.zone)
      return (_, envelope) => {
        const value = at(envelope)
        const isText = typeof value === 'string' || typeof value === 'number'
        const time = isText ? read(String(value)) : null
        return time ?? `sent a page that breaks the contract at ${clock.at}: must be a time as ${clock.format}`
      }
    }
  }
}
