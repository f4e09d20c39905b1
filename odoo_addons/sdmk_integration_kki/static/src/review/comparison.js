import { Component } from '@odoo/owl'
import { deserializeDate, formatDate } from '@web/core/l10n/dates'
import { _t } from '@web/core/l10n/translation'

/** How a value agrees with that of the row: never by colour alone. */
const marks = {
  agreed: { icon: 'fa-check', color: 'text-success', word: () => _t('Equal') },
  similar: { icon: 'fa-adjust', color: 'o_sdmk_similar', word: () => _t('Similar') },
  differed: { icon: 'fa-times', color: 'text-danger', word: () => _t('Different') }
}

/** The rows of one rejection and the people whom they may concern, each in a column. */
export class Comparison extends Component {
  static template = 'sdmk_integration_kki.Comparison'
  static props = {
    rows: Array,
    people: Array,
    /** KKI sent the row in good order since: nobody decided about it. */
    isCleared: Boolean,
    /** Index of the row that the people are compared with. */
    selected: Number,
    select: Function,
    canResolve: Function,
    openPerson: Function,
    link: Function,
    create: Function,
    choose: Function
  }

  get lines() {
    return [
      { key: 'name', label: _t('Name'), text: who => full(who) },
      { key: 'nik', label: _t('NIK'), text: (who, comparison) => nik(who, comparison), isApart: true },
      { key: 'birth_date', label: _t('Birth Date'), text: who => day(who.birthDate) },
      { key: 'birth_place', label: _t('Birth Place'), text: who => who.birthPlace ?? '' },
      { key: 'sex', label: _t('Sex'), text: who => who.sexName }
    ]
  }

  get selectedRow() {
    return this.props.rows[this.props.selected]
  }

  title(index) {
    return this.props.rows.length > 1 ? _t('Row %s', index + 1) : _t('What KKI Sent')
  }

  comparisonOf(person) {
    return this.selectedRow?.comparisons.find(item => item.healthWorkerId === person.id)
  }

  /** Mark of a field of this person, `key` in the words of the sidecar's evidence; null where it was not compared. */
  markOf(person, key) {
    const comparison = this.comparisonOf(person) ?? {}
    const found = Object.keys(marks).find(name => comparison[name]?.includes(key))
    return found ? marks[found] : null
  }

  /** Mark of a field of another row of the same rejection. */
  markOfRow(index, { text, isApart }) {
    const [reading, selected] = [this.props.rows[index].reading, this.selectedRow?.reading]
    if (index === this.props.selected || !reading || !selected || isApart) return null
    const [one, other] = [text(reading), text(selected)]
    if (!one && !other) return null
    return one === other ? marks.agreed : marks.differed
  }
}

function full({ titlePrefix, name, titleSuffix }) {
  return [titlePrefix, name, titleSuffix].filter(Boolean).join(' ')
}

function day(text) {
  return text ? formatDate(deserializeDate(text)) : ''
}

/** What is said of a NIK, none of whose digits is shown: of a person's whether it is the row's. */
function nik(who, comparison) {
  if (comparison?.agreed.includes('nik')) return _t('Same NIK')
  if (comparison?.differed.includes('nik')) return _t('Different NIK')
  return who.hasNik ? _t('Stated, not shown') : _t('None')
}
