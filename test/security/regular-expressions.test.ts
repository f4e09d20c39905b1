import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { check } from 'recheck'
import { findPatterns, type Pattern } from './helpers/patterns.ts'

const patterns = await findPatterns()

describe('attack: a text that makes a regular expression very slow', () => {
  test('the tool finds literals, patterns of schemas, patterns made at run time and patterns of Python', () => {
    const places = patterns.flatMap(({ where }) => where)
    for (const place of [
      /^sidecar\/platform\/identity-number\.ts/,
      /^sidecar\/transform\/titles\.ts/,
      /^sidecar\/api\//,
      /^a schema$/,
      /^simulator\//,
      /^odoo_addons\/sdmk_core\/models\/sdmk_sidecar\.py/
    ]) {
      assert.ok(
        places.some(text => place.test(text)),
        String(place)
      )
    }
    assert.ok(patterns.length > 200, String(patterns.length))
  })

  test('the tool detects expressions with quadratic and with exponential time', async () => {
    const guessed = String.raw`^(?:sub)?sp\.(?:\p{L}{1,12})(?: ?[^\p{L} ]+ ?\p{L}{1,12})*\P{L}*$`
    assert.ok(
      isSlow(new RegExp(guessed, 'iu'), {
        pumps: [{ prefix: 'sp.\u03b9', pump: '\u03b9\u03b9\0' }],
        suffix: 'abcdefghijklmno!x1y'
      })
    )
    for (const source of [String.raw`\s+$`, '^(a+)+$']) {
      assert.equal(await fault({ source, flags: '', where: [] }), 'vulnerable', source)
    }
  })

  test('no regular expression takes more than linear time', { timeout: 1_800_000 }, async () => {
    const faults: string[] = []
    for (const pattern of patterns) {
      const found = await fault(pattern)
      if (found !== undefined)
        faults.push(`${found}: /${pattern.source}/${pattern.flags} at ${pattern.where.join(', ')}`)
    }
    assert.deepEqual(faults, [])
  })
})

/** Returns the fault of a pattern; undefined if its time is linear in the text. */
async function fault({ source, flags }: Pattern): Promise<string | undefined> {
  const result = await check(...withoutSets(source, flags), { timeout: 300_000, randomSeed: 1 })
  if (result.status === 'safe') return undefined
  // Where the tool could not prove it, it tries texts within a time; on a busy machine that accuses harmless patterns.
  const isGuess = result.status === 'vulnerable' && result.complexity.isFuzz
  return isGuess && !isSlow(new RegExp(source, flags), result.attack) ? undefined : result.status
}

interface Attack {
  pumps: { prefix: string; pump: string }[]
  suffix: string
}

/** Tries the text of the tool at growing lengths. One that takes the square of 20,000 characters takes seconds. */
function isSlow(pattern: RegExp, { pumps, suffix }: Attack): boolean {
  return [500, 2000, 5000, 20_000].some(length => {
    const text = pumps.map(({ prefix, pump }) => prefix + pump.repeat(length / pump.length)).join('') + suffix
    const begin = performance.now()
    pattern.test(text)
    return performance.now() - begin > 500
  })
}

/** Replaces operations on character sets (flag `v`) with the union of the sets, because the tool does not support them. */
function withoutSets(source: string, flags: string): [source: string, flags: string] {
  if (!flags.includes('v')) return [source, flags]
  const flat = source.replace(/\[\[.*\]/g, set => `[${set.replace(/[[\]]|&&|--/g, '')}]`)
  return [flat, flags.replace('v', 'u')]
}
