import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The absolute path of a file in the repository. */
export const placeOf = (file: string) => path.join(root, file)
export const read = (file: string) => readFileSync(placeOf(file), 'utf8')
/** The files that match one of the patterns, in order, as paths in the repository. */
export const find = (...patterns: string[]) => globSync(patterns, { cwd: root }).sort()

/** Every Markdown page of the repository that people read. */
export const markdown = () => find('*.md', 'docs/**/*.md')

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const headings = withoutBlocks(text).matchAll(/^#{1,6} +(.+?) *$/gm)
  return new Set(
    [...headings].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
        .replaceAll(' ', '-')
    )
  )
}

/** The text of a page without its code blocks. */
export function withoutBlocks(text: string): string {
  return text.replace(/^ *```.*?^ *```/gms, '')
}

/** A block of shell commands of a page. */
export interface ShellBlock {
  file: string
  line: number
  /** Files of tests that run it, named in a comment above it; empty without that comment. */
  runBy: string[]
  text: string
}

/** The blocks of shell commands of a page, in order, without the indentation of lists. */
export function shellBlocks(file: string): ShellBlock[] {
  const page = read(file)
  const blocks = page.matchAll(/(?:^ *<!-- run by ([^\n]+) -->\n)?^( *)```sh\n(.*?)^ *```$/gms)
  return [...blocks].map(({ index, 1: tests = '', 2: indentation = '', 3: text = '' }) => ({
    file,
    line: page.slice(0, index).split('\n').length,
    runBy: tests.split(' ').filter(Boolean),
    text: text.replace(new RegExp(`^${indentation}`, 'gm'), '')
  }))
}
