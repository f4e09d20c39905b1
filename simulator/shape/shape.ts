import type { SourceDescription } from '../../sidecar/source/description.ts'
import type { Zone } from '../../sidecar/transform/dates.ts'
import { SimulatorInputError } from '../errors.ts'
import type { Filters } from '../feed.ts'
import { type AnswerWriter, compileAnswers } from './answer.ts'
import { readBound } from './dates.ts'
import { compileRecords, type RecordWriter } from './record.ts'
import { type Asked, compileRequest, type ReceivedRequest } from './template.ts'

/** The most rows that a page may have, unless the description asks for more. */
const MOST_ROWS = 1000

/** A description that is compiled for serving. */
export interface Shape {
  description: SourceDescription
  records: RecordWriter
  answers: AnswerWriter
  /** Reads a request for a page. @throws SimulatorInputError, which names the parameter */
  readList(request: ReceivedRequest): Asked
  /** Reads a request for one STR. @throws SimulatorInputError */
  readRecord(request: ReceivedRequest): Asked
  filtersOf(asked: Asked): Filters
  pageSizeOf(asked: Asked): number
}

/** Compiles a description; `own` is the description of generated records. */
export function compileShape(description: SourceDescription, own: SourceDescription): Shape {
  const { request, oneByStr, limits } = description
  const defaultSize = limits.pageSize ?? 100
  const mostRows = Math.max(MOST_ROWS, defaultSize)
  const { window } = request
  const bound = (name: 'since' | 'until', text: string | undefined) => {
    if (text === undefined || window === undefined) return null
    const read = readBound(text, window.format, window.zone ?? ('UTC' satisfies Zone))
    if (read === null) throw new SimulatorInputError(nameOf(request, name), `must be a time as ${window.format}`)
    return read
  }
  return {
    description,
    records: compileRecords(description, own),
    answers: compileAnswers(description),
    readList: compileRequest(request),
    readRecord: compileRequest(oneByStr ?? {}),
    filtersOf(asked) {
      // A bound stands for a whole unit of its format. An exclusive start excludes this unit, and an inclusive end includes it.
      const since = bound('since', asked.since)
      const until = bound('until', asked.until)
      return {
        since:
          since === null ? Number.NEGATIVE_INFINITY : since.ms + (window?.since === 'exclusive' ? since.unitMs : 0),
        until:
          until === null ? Number.POSITIVE_INFINITY : until.ms + (window?.until === 'inclusive' ? until.unitMs : 0),
        ...(asked.profession !== undefined && { professionCode: asked.profession })
      }
    },
    pageSizeOf({ pageSize }) {
      const size = pageSize === undefined ? defaultSize : Number(pageSize)
      if (Number.isInteger(size) && size >= 1 && size <= mostRows) return size
      throw new SimulatorInputError(nameOf(request, 'pageSize'), `must be a whole number from 1 to ${mostRows}`)
    }
  }
}

/** Returns the parameter that holds a placeholder, for messages. */
export function nameOf({ query, json, form }: SourceDescription['request'], placeholder: string): string {
  const find = (part: object): string | undefined => {
    for (const [name, template] of Object.entries(part)) {
      if (typeof template === 'object' && template !== null && !Array.isArray(template)) {
        const found = find(template)
        if (found !== undefined) return found
      } else if (String(template).includes(`{${placeholder}}`)) return name
    }
    return undefined
  }
  return find({ ...query, ...json, ...form }) ?? placeholder
}
