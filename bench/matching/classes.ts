/** The classes of cases for the matching: the error in each, and the true persons of the rows. */
import * as earlier from './earlier.ts'
import * as names from './name-errors.ts'
import * as fields from './other-errors.ts'
import type { Person } from './people.ts'
import * as scenes from './scenes.ts'
import type { Row, Story } from './story.ts'

export type Group = 'name' | 'date' | 'place' | 'nik' | 'people' | 'ordinary' | 'earlier'

export interface MatchClass {
  name: string
  group: Group
  /** The true persons of the rows of a case. */
  truth: 'one person' | 'two people' | 'one or two people' | 'three people'
  tell(story: Story): void
}

/** The place of the next row: under the known STR or a new one, with the person's NIK on both rows, on one or on none. */
const channels = [
  { sameStr: true, nik: 'both' },
  { sameStr: false, nik: 'both' },
  { sameStr: true, nik: 'one' },
  { sameStr: false, nik: 'one' },
  { sameStr: true, nik: 'none' },
  { sameStr: false, nik: 'none' }
] as const
/** A wrong NIK is on one row at least. */
const channelsWithNik = [...channels.slice(0, 2), ...channels.slice(0, 2), ...channels.slice(0, 4)]
const channelsWithBothNiks = channels.slice(0, 2)

const columns = { date: 'tanggal_lahir', place: 'tempat_lahir', nik: 'nik' } as const

export const classes: readonly MatchClass[] = [
  nameError('name: old spelling', names.oldSpelling),
  nameError('name: doubled letters', names.doubledLetters),
  nameError('name: f, v and ph', names.vForF),
  nameError('name: typing error', names.typingError),
  nameError('name: OCR confusion', names.ocrConfusion),
  nameError('name: word dropped', names.wordDropped),
  nameError('name: word cut', names.wordCut),
  nameError('name: initial instead of word', names.initialForWord),
  nameError('name: initial expanded', names.shortForm, 'known'),
  nameError('name: Muhammad, Moh. and M.', names.muhammadInShort),
  nameError('name: apostrophes', names.apostrophe),
  nameError('name: titles unusual or in the middle', names.unusualTitle),
  nameError('name: maiden or married addition', names.marriedName),
  nameError('name: Ny. and Alm.', names.formOfAddress),
  nameError('name: cut at 20 or 30 characters', names.cutToLength),
  fieldError('date', 'date: day and month swapped', fields.dayAndMonthSwapped),
  fieldError('date', 'date: one digit', fields.oneDateDigit),
  fieldError('date', 'date: 1 January', fields.firstOfJanuary),
  fieldError('date', 'date: another year', fields.anotherYear),
  fieldError('date', 'date: missing', fields.dateMissing),
  fieldError('date', 'date: digits transposed', fields.dateDigitsTransposed),
  fieldError('place', 'place: another spelling', fields.placeSpelling),
  fieldError('place', 'place: Kota, Kab. or province added', fields.kindOfPlace),
  fieldError('place', 'place: kecamatan instead of city', fields.district),
  fieldError('place', 'place: another name', fields.otherPlaceName),
  fieldError('place', 'place: missing', fields.placeMissing),
  fieldError('place', 'place: another place', fields.anotherPlace),
  fieldError('nik', 'NIK: one digit', fields.oneNikDigit),
  fieldError('nik', 'NIK: two digits swapped', fields.nikDigitsSwapped),
  { name: "NIK: sibling's", group: 'nik', truth: 'two people', tell: scenes.siblingsNik },
  { name: "NIK: mother's", group: 'nik', truth: 'two people', tell: scenes.mothersNik },
  fieldError('nik', 'NIK: area after moving', fields.nikAfterMoving),
  fieldError('nik', 'NIK: serial number', fields.nikSerial),
  people('twins', 'two people', scenes.twins),
  people('father and son of one name', 'two people', scenes.fatherAndSon),
  people('same name, date and place', 'two people', scenes.sameNameDateAndPlace),
  people('STR exchanged between two', 'two people', scenes.strsExchanged),
  people('STR reused under another profession', 'two people', scenes.strUnderAnotherProfession),
  people('one NIK on two people', 'two people', scenes.oneNikOnTwoPeople),
  people('NIK typed as that of a neighbour', 'two people', scenes.nikOfANeighbour),
  people("deactivation under another's STR", 'two people', scenes.deactivationUnderAnothersStr),
  people('column slid by a row', 'three people', scenes.slidColumn),
  people('title-like names', 'one or two people', scenes.titleLikeName),
  people('renewal', 'one person', scenes.renewal),
  people('several professions', 'one person', scenes.severalProfessions),
  ordinary('ordinary: titles', names.commonTitles),
  ordinary('ordinary: order of words', names.wordsSwapped),
  ordinary('ordinary: case and spacing', names.caseAndSpacing),
  earlierClass('shared dummy NIK, default birth date', 'two people', earlier.sharedDummyNik),
  earlierClass("STR one character off hits another's", 'two people', earlier.strMistyped),
  earlierClass('same STR for two people', 'two people', earlier.strOfTwo),
  earlierClass('NIK of 15 digits corrected', 'one person', earlier.nikOfFifteenDigits),
  earlierClass('two professions in concurrent batches', 'one person', earlier.professionsInARace),
  earlierClass('foreigner renewed without NIK', 'one or two people', earlier.foreigner),
  earlierClass('swapped fields', 'one person', earlier.swappedFields)
]

/** Returns the row with the error; nothing if the case needs another person for this row. */
type RowError = (person: Person, story: Story) => Row | undefined

function nameError(name: string, error: names.NameError, wrongRow: 'known' | 'next' = 'next'): MatchClass {
  return errorClass('name', name, inField('nama', error), channels, wrongRow)
}

function ordinary(name: string, variant: names.NameError): MatchClass {
  return errorClass('ordinary', name, inField('nama', variant), channelsWithBothNiks)
}

function fieldError(group: 'date' | 'place' | 'nik', name: string, error: fields.FieldError): MatchClass {
  return errorClass(group, name, inField(columns[group], error), group === 'nik' ? channelsWithNik : channels)
}

function people(name: string, truth: MatchClass['truth'], tell: MatchClass['tell']): MatchClass {
  return { name, group: 'people', truth, tell }
}

function earlierClass(name: string, truth: MatchClass['truth'], tell: MatchClass['tell']): MatchClass {
  return { name, group: 'earlier', truth, tell }
}

function inField(column: string, error: names.NameError | fields.FieldError): RowError {
  return (person, { chance }) => {
    const written = error(person, chance)
    // A row that is still right has no error, except for invisible characters.
    return written === undefined || (written === person.names.join(' ') && column === 'nama')
      ? undefined
      : { [column]: written }
  }
}

/** One person with a correct row and one with the error; in some cases a third row follows, which corrects it or not. */
function errorClass(
  group: Group,
  name: string,
  error: RowError,
  among: readonly (typeof channels)[number][],
  wrongRow: 'known' | 'next' = 'next'
): MatchClass {
  return {
    name,
    group,
    truth: 'one person',
    tell(story) {
      const { n, chance } = story
      const [person, wrong] = story.somebodyWho(made => error(made, story))
      const { sameStr, nik } = among[n % among.length] as (typeof channels)[number]
      const noNik = { nik: null }
      // The wrong NIK must be on a row; then the correct row has no NIK.
      const lacking = group === 'nik' || chance.is(0.5) ? 0 : 1
      const has = [0, 1].map(at => (nik === 'none' || (nik === 'one' && at === lacking) ? noNik : {}))
      const [known, next] = wrongRow === 'known' ? [wrong, {}] : [{}, wrong]
      const { nomor_str } = story.tells(0, person, { ...has[0], ...known })
      const second = story.tells(1, person, { ...has[1], ...next, ...(sameStr && { nomor_str }), provinsi: 'Banten' })
      const drawn = chance.next()
      if (drawn < 0.25) story.tells(2, person, { ...has[0], ...known, nomor_str, provinsi: 'Bali' })
      else if (drawn < 0.35) story.tells(2, person, { ...has[1], nomor_str: second.nomor_str, provinsi: 'Bali' })
    }
  }
}
