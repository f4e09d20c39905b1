/** One reading of a name: for each word, its possible spellings. */
export type Reading = readonly (readonly string[])[]

/** The search uses only this many words, the longest ones, because they are the rarest. Each word costs an index search. */
const mostWords = 6
/** Words are joined or split only in names of at most this many words. Callers do not say more. */
const mostWordsToJoin = 4
/** Least length of each part when a word is split into two. */
const shortestPart = 3
/** Words are cut at this length. No real word of a name is longer. */
const longestWord = 24

/**
 * Returns the readings of a name key: unchanged, with two words joined (`NUR HAYATI`), or with one word split in two
 * (`SITIAMINAH`). Single letters are initials, which have no sound, so they are left out.
 */
export function readingsOf(nameKey: string): Reading[] {
  const all = nameKey.split(' ').map(word => word.slice(0, longestWord))
  const words = all.filter(word => word.length > 1)
  const spoken = (words.length > 0 ? words : all).toSorted((a, b) => b.length - a.length).slice(0, mostWords)
  const others = (...taken: string[]) => spoken.filter(word => !taken.includes(word))
  const readings = [spoken]
  if (spoken.length <= mostWordsToJoin) {
    for (const word of spoken) {
      for (const second of others(word)) readings.push([...others(word, second), word + second])
      for (let at = shortestPart; at <= word.length - shortestPart; at++) {
        readings.push([...others(word), unassimilated(word.slice(0, at)), word.slice(at)])
      }
    }
  }
  return readings.map(reading => reading.map(writingsOf))
}

/** Restores the `l` of the article `al`, which takes the sound of the next letter: `Abdurrahman`, `Abdussalam`. */
const unassimilated = (word: string) => word.replace(/^(ABD[UO])[DNRSTZ]$/, '$1L')

/**
 * Returns spellings of a word for which `sdmk.name_sounds` has different results: `j` for `y` as before 1972, and `k` or `c`
 * for `kh` or `ch` at the beginning.
 */
function writingsOf(word: string): string[] {
  const writings = [word]
  if (word.includes('Y')) writings.push(word.replaceAll('Y', 'J'))
  if (word.includes('J')) writings.push(word.replace(/D?J/g, 'Y'))
  if (/^[CK]H/.test(word)) writings.push(`C${word.slice(2)}`, `K${word.slice(2)}`)
  else if (/^[CK]/.test(word)) writings.push(word.slice(1))
  return writings
}

/** The letters that a result of `sdmk.name_sounds` may contain. */
const soundLetters = [...'BCGJKLMNPRSTW']

/** Returns a sound and all sounds at distance one: a letter replaced, added, removed, or exchanged with the next. */
export function nearSounds(sound: string): string[] {
  const near = new Set([sound])
  for (let at = 0; at <= sound.length; at++) {
    const [head, tail] = [sound.slice(0, at), sound.slice(at)]
    for (const letter of soundLetters) {
      near.add(head + letter + tail)
      if (tail !== '') near.add(head + letter + tail.slice(1))
    }
    if (tail !== '') near.add(head + tail.slice(1))
    if (tail.length > 1) near.add(head + tail[1] + tail[0] + tail.slice(2))
  }
  return [...near]
}
