import { Component } from '@odoo/owl'
import { deserializeDate, formatDate } from '@web/core/l10n/dates'
import { _t } from '@web/core/l10n/translation'

/** Marks for the agreement of a value with the row's value. Each has an icon and a word, because colour alone is not enough. */
const marks = {
  agreed: { icon: 'fa-check', color: 'text-success', word: () => _t('Equal') },
  similar: { icon: 'fa-adjust', color: 'o_sdmk_similar', word: () => _t('Similar') },
  differed: { icon: 'fa-times', color: 'text-danger', word: () => _t('Different') }
}

/** The rows of one rejection and its candidates, each in a column. */
export class Comparison extends Component {
  static template = 'sdmk_integration_kki.Comparison'
  static props = {
    rows: Array,
    people: Array,
    /** True if KKI has sent a valid row since, so that no decision was needed. */
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

  /** Returns the mark of a person's field, by its key in the sidecar's comparison; null if it was not compared. */
  markOf(person, key) {
    const comparison = this.comparisonOf(person) ?? {}
    const found = Object.keys(marks).find(name => comparison[name]?.includes(key))
    return found ? marks[found] : null
  }

  /** Returns the mark of a field of another row of the same rejection. */
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

/** Returns the text for a NIK, without its digits. For a person it says whether the row has the same NIK. */
function nik(who, comparison) {
  if (comparison?.agreed.includes('nik')) return _t('Same NIK')
  if (comparison?.differed.includes('nik')) return _t('Different NIK')
  return who.hasNik ? _t('Stated, not shown') : _t('None')
}
