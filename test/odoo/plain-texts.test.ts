import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parse } from 'yaml'
import { codesPayload } from '../../sidecar/odoo/words.ts'
import { addons } from '../../tools/odoo/server.ts'

/** Names that operators cannot use: settings, commands and their options, files of the repository, headers and fields. */
const technical =
  /\b[A-Z]{2,}(?:_[A-Z]+)+\b|`|(?:^|\s)--[a-z]|\b(?:docs|contracts)\/|\bsdmk (?:audit|keys|migrate|odoo|person|source|sync|watermark)\b|\.(?:json|md|yaml)\b|\b(?:If-Match|ETag|Retry-After|Content-Type)\b|(?<!\/\/)\bsdmk\.[a-z_.]+\b/

interface Code {
  code: string
  name: Record<string, string>
  meaning: Record<string, string>
  action: Record<string, string>
}

test('what Odoo shows of a code names no setting, command, file or field', () => {
  const { codes } = JSON.parse(codesPayload().payload) as { codes: Code[] }
  const wrong = codes.flatMap(({ code, name, meaning, action }) =>
    [name, meaning, action].flatMap(text =>
      Object.values(text).flatMap(words => (technical.test(words) ? [`${code}: ${words}`] : []))
    )
  )
  assert.deepEqual(wrong, [], 'move these words to the example in contracts/codes.yaml')
  assert.ok(codes.length > 80)
})

test('texts for operators are of codes that there are, in both languages', async () => {
  const read = async (name: string) =>
    parse(await readFile(new URL(`../../contracts/${name}`, import.meta.url), 'utf8')) as Record<string, never>
  const catalogue = await read('codes.yaml')
  const { technical: given, texts } = (await read('operator-texts.yaml')) as unknown as {
    technical: { codes: string[] }
    texts: Record<string, Record<string, Record<string, string>>>
  }
  for (const code of [...given.codes, ...Object.keys(texts)]) assert.ok(code in catalogue, code)
  for (const [code, parts] of Object.entries(texts)) {
    assert.ok(!given.codes.includes(code), `${code} is there twice`)
    for (const part of Object.values(parts)) assert.deepEqual(Object.keys(part), ['en', 'id'], code)
  }
})

test('terms of the addons name no setting, command, file or field', async () => {
  const wrong: string[] = []
  for (const addon of addons) {
    const po = await readFile(new URL(`../../odoo_addons/${addon}/i18n/id.po`, import.meta.url), 'utf8')
    for (const term of po.split('\n\n').slice(1)) {
      // Odoo shows the descriptions of models and of groups of rights to its own administrators alone.
      if (/^#: model:ir\.(?:model|module)/m.test(term) && !/^#: model:ir\.model\.fields/m.test(term)) continue
      const texts = [...term.matchAll(/^(?:msgid|msgstr) ((?:".*"\n?)+)/gm)].map(([, text = '']) =>
        text.replaceAll(/^"|"$/gm, '').replaceAll('\n', '')
      )
      wrong.push(...texts.filter(text => technical.test(text)))
    }
  }
  assert.deepEqual(wrong, [])
})
