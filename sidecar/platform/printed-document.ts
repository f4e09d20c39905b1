import { escapeUnprintable } from './printable-text.ts'
import type { Language } from './problem-texts.ts'

/** A document for printing: sections of lines. A line that begins with blanks belongs to the line above it. */
export interface PrintedDocument {
  language: Language
  title: string
  /** The lines below the title. */
  subtitle: string
  at: string
  sections: { title: string; lines: string[] }[]
}

/** Returns a document as lines for a terminal. */
export function toLines({ title, subtitle, at, sections }: PrintedDocument): string[] {
  return [
    `${title} (${at})`,
    subtitle,
    ...sections.flatMap(section => ['', `${section.title}:`, ...section.lines.map(line => `  ${line}`)])
  ]
}

/** Returns a document as a page to print. It loads nothing and runs nothing, whatever a name holds. */
export function toHtml({ language, title, subtitle, at, sections }: PrintedDocument): string {
  const text = (given: string) => escapeUnprintable(given).replace(/[&<>"']/g, sign => entities[sign] as string)
  const line = (given: string) => {
    const depth = (/^ */.exec(given)?.[0].length ?? 0) / 2
    return `<p${depth > 0 ? ` class="d${Math.min(depth, 2)}"` : ''}><bdi>${text(given.trim())}</bdi></p>`
  }
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(title)}</title>
<style>
@page { size: A4; margin: 2cm }
body { font: 11pt/1.4 serif; max-width: 17cm; margin: 1cm auto }
h1 { font-size: 16pt; margin: 0 }
h2 { font-size: 12pt; margin: 1em 0 .2em; break-after: avoid }
p { margin: 0 0 .2em; overflow-wrap: anywhere }
.d1 { margin-left: 1.5em } .d2 { margin-left: 3em }
</style>
</head>
<body>
<h1>${text(title)}</h1>
<p>${text(subtitle)}, ${text(at)}</p>
${sections.map(section => `<h2>${text(section.title)}</h2>\n${section.lines.map(line).join('\n')}`).join('\n')}
</body>
</html>
`
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
