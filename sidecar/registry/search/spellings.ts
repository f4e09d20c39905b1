/** Words that a name must sound like, each in the ways that it may be written down. */
export type Reading = readonly (readonly string[])[]

/** So many words of a name find a person; the longest ones, since they are the rarest. Each costs a search of its own. */
const mostWords = 6
/** Names of more words are not read as words written together or apart: nobody says so many. */
const mostWordsToJoin = 4
/** Each part of a word that is read as two has at least as many letters. */
const shortestPart = 3
/** No word of a name is longer. */
const longestWord = 24

/**
 * Returns the ways to read the words of a name key: as they are, two of them as one word (`NUR HAYATI`), or one as two
 * (`SITIAMINAH`). A single letter is an initial and sounds like nothing.
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

/** The article `al` takes the sound of what follows: `Abdurrahman`, `Abdussalam`. */
const unassimilated = (word: string) => word.replace(/^(ABD[UO])[DNRSTZ]$/, '$1L')

/**
 * Returns the spellings of a word that `sdmk.name_sounds` hears differently: the `j` of the spelling before 1972 for a `y`, and
 * a `k` or `c` at the beginning that others write `kh` or `ch`.
 */
function writingsOf(word: string): string[] {
  const writings = [word]
  if (word.includes('Y')) writings.push(word.replaceAll('Y', 'J'))
  if (word.includes('J')) writings.push(word.replace(/D?J/g, 'Y'))
  if (/^[CK]H/.test(word)) writings.push(`C${word.slice(2)}`, `K${word.slice(2)}`)
  else if (/^[CK]/.test(word)) writings.push(word.slice(1))
  return writings
}

/** The letters that `sdmk.name_sounds` leaves. */
const soundLetters = [...'BCGJKLMNPRSTW']

/** Returns a sound and those that one letter parts from it: another, too many, too few, or two exchanged. */
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
