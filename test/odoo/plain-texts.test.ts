import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parse } from 'yaml'
import { codesPayload } from '../../sidecar/odoo/words.ts'
import { addons } from '../../tools/odoo/server.ts'

/** Names that operators cannot use: settings, commands and their options, files of the repository, headers and fields. */
const technical =
  /\b[A-Z]{2,}(?:_[A-Z]+)+\b|`|(?:^|\s)--[a-z]|\b(?:docs|contracts)\/|\bsdmk (?:audit|keys|migrate|odoo|person|source|sync|watermark)\b|\.(?:json|md|yaml)\b|\b(?:If-Match|ETag|Retry-After|Content-Type)\b|(?<!\/\/)\bsdmk\.[a-z_.]+\b/

type Text = Record<'en' | 'id', string>

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

test('operators read one text for all technical faults, and the own texts of every other code', async () => {
  const file = new URL('../../contracts/codes.yaml', import.meta.url)
  const catalogue = parse(await readFile(file, 'utf8')) as Record<
    string,
    { audience?: string; title: Text; meaning: Text; action: Text }
  >
  const { codes } = JSON.parse(codesPayload().payload) as { codes: Code[] }
  const both = ({ en, id }: Text) => ({ en_US: en, id_ID: id })
  const common = new Set<string>()
  for (const { code, name, meaning, action } of codes) {
    const entry = catalogue[code]
    assert.ok(entry, code)
    assert.deepEqual(name, both(entry.title), code)
    if (entry.audience === 'technical') common.add(JSON.stringify({ meaning, action }))
    else assert.deepEqual({ meaning, action }, { meaning: both(entry.meaning), action: both(entry.action) }, code)
  }
  assert.equal(common.size, 1)
  assert.match([...common].join(), /technical team.*tim teknis/)
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

test('no term is marked inside a template literal or an f-string, which Odoo exports no terms from', async () => {
  const marked = /\$\{[^}\n]*\b_t\(|\bf(["'])(?:(?!\1).)*\{[^}\n]*\benv\._\(/
  const wrong: string[] = []
  let read = 0
  for await (const file of glob('odoo_addons/*/{models,wizards,controllers,static/src}/**/*.{js,py}')) {
    read++
    const lines = (await readFile(file, 'utf8')).split('\n')
    wrong.push(...lines.flatMap((line, i) => (marked.test(line) ? [`${file}:${i + 1}`] : [])))
  }
  assert.ok(read > 50, `${read} files are read`)
  assert.deepEqual(wrong, [])
})
