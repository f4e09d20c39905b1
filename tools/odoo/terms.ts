/** Writes the terms of the addons to `i18n/<addon>.pot`, in Odoo's export format: `node tools/odoo/terms.ts`. */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { serverUrl } from '../../test/helpers/server.ts'
import { addons, createOdoo, type Odoo } from './server.ts'

/** Returns an addon's terms in a loaded language (`pot`: in none), as the text of a PO file without dates. */
export async function exportTerms(odoo: Odoo, database: string, addon: string, language: string): Promise<string> {
  const { code, lines } = await odoo.run(database, 'i18n', ['export', '-l', language, '-o', '-', addon])
  if (code !== 0) throw new Error(lines.join('\n'))
  const terms = lines.filter(line => /^["#m]/.test(line) && !/^"(POT-Creation|PO-Revision)-Date/.test(line))
  return `${terms.join('\n').replaceAll('\n#. module', '\n\n#. module')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const database = 'sdmk_odoo_terms'
  const odoo = await createOdoo(await serverUrl())
  try {
    await odoo.run(database, 'server', ['-i', addons.join()])
    for (const addon of addons) {
      const file = new URL(`../../odoo_addons/${addon}/i18n/${addon}.pot`, import.meta.url)
      await writeFile(file, await exportTerms(odoo, database, addon, 'pot'))
    }
  } finally {
    await odoo.close()
  }
}
