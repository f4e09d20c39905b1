/** Returns the name with the fewest edits from `word`, or `null` if none is similar enough. */
export function closest(word: string, names: readonly string[]): string | null {
  let best: string | null = null
  let fewest = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const name of names) {
    const edits = distance(word, name)
    if (edits < fewest) [best, fewest] = [name, edits]
  }
  return best
}

/** Returns how many letters must be inserted, deleted or replaced to turn one text into the other. */
export function distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const line = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      line.push(Math.min((above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1, replaced))
    }
    above = line
  }
  return above[b.length] ?? 0
}
