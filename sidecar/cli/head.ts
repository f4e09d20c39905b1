import { InvalidArgumentError } from 'commander'
import type { Head } from '../audit/link.ts'

/** Parses a link of the audit chain in the form that Odoo, the log and `sdmk audit verify` print. */
export function parseHead(text: string): Head {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (seq === undefined || hash === undefined)
    throw new InvalidArgumentError('It must be the link’s number, a colon, and its hash of 64 hex digits.')
  return { seq: Number(seq), hash }
}
