import { Component, onWillStart, onWillUpdateProps, useState } from '@odoo/owl'
import { formOf } from '@sdmk_core/open_record'
import { deserializeDate, deserializeDateTime, formatDate, formatDateTime } from '@web/core/l10n/dates'
import { _t } from '@web/core/l10n/translation'
import { registry } from '@web/core/registry'
import { user } from '@web/core/user'
import { useService } from '@web/core/utils/hooks'
import { SelectCreateDialog } from '@web/views/view_dialogs/select_create_dialog'
import { standardWidgetProps } from '@web/views/widgets/standard_widget_props'
import { ResolveDialog } from './resolve_dialog'

/** Bootstrap's colour for what the sidecar found when it compared a field of the row with a person. */
const colors = { agreed: 'text-success fw-bold', similar: 'text-warning fw-bold', differed: 'text-danger fw-bold' }

/** A refused row as KKI sent it, and the people whom it may concern, side by side. */
export class RejectionDetail extends Component {
  static template = 'sdmk_integration_kki.RejectionDetail'
  static props = standardWidgetProps

  setup() {
    this.orm = useService('orm')
    this.action = useService('action')
    this.dialog = useService('dialog')
    this.notification = useService('notification')
    this.state = useState({ detail: null, problem: null, at: 0 })
    onWillStart(async () => {
      this.canDecide = await user.hasGroup('sdmk_core.group_sdmk_verifier')
      await this.load()
    })
    onWillUpdateProps(next => {
      const isOther = next.record.resId !== this.props.record.resId || next.record.data.version !== this.version
      return isOther ? this.load(next.record) : undefined
    })
  }

  async load(record = this.props.record) {
    this.version = record.data.version
    try {
      this.state.detail = await this.orm.silent.call('sdmk.rejection', 'get_detail', [[record.resId]])
      this.state.problem = null
      this.state.at = Math.min(this.state.at, Math.max(this.state.detail.rows.length - 1, 0))
    } catch (error) {
      this.state.problem = error.data?.message ?? String(error)
    }
  }

  get row() {
    return this.state.detail?.rows[this.state.at]
  }

  get reading() {
    return this.row?.reading
  }

  get place() {
    const { batchId, page, pageRow } = this.row
    return _t('(batch %(batch)s, page %(page)s, row %(row)s)', { batch: batchId, page, row: pageRow })
  }

  tab(index) {
    return _t('Row %s', index + 1)
  }

  told({ batchId, answer }) {
    if (answer === 'found') return _t('KKI was asked again by batch %s: it has the row.', batchId)
    if (answer === 'not_found') return _t('KKI was asked again by batch %s: it does not know the STR.', batchId)
    if (answer === 'refused') return _t('KKI was asked again by batch %s: it refuses the STR.', batchId)
    return _t('KKI is asked again by batch %s.', batchId)
  }

  decidedBy({ decidedBy, decidedAt }) {
    const at = formatDateTime(deserializeDateTime(decidedAt.slice(0, 19).replace('T', ' ')))
    return _t('Decided by %(who)s, %(at)s', { who: decidedBy, at })
  }

  /** The row's fields as KKI names them, in its order. */
  get fields() {
    const row = this.row?.row
    if (row === null || row === undefined) return []
    if (typeof row !== 'object' || Array.isArray(row)) return [{ key: _t('Row'), value: JSON.stringify(row) }]
    return Object.entries(row).map(([key, value]) => ({
      key,
      value: typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value)
    }))
  }

  get canResolve() {
    const { state, source } = this.state.detail ?? {}
    // A row that cannot be read is nobody's yet, whoever it may be.
    return this.canDecide && state === 'open' && source === 'kki' && Boolean(this.reading)
  }

  /** Colour of a field of this person, `field` in the words of the sidecar's evidence. */
  mark(person, field) {
    const comparison = this.row?.comparisons.find(item => item.healthWorkerId === person.id) ?? {}
    const found = Object.keys(colors).find(key => comparison[key]?.includes(field))
    return found ? colors[found] : ''
  }

  /** What is said of a NIK, none of whose digits is shown: of a person's whether it is the row's. */
  nikOf(who, isPerson = false) {
    const comparison = isPerson ? this.row?.comparisons.find(item => item.healthWorkerId === who.id) : undefined
    if (comparison?.agreed.includes('nik')) return _t('Same NIK')
    if (comparison?.differed.includes('nik')) return _t('Different NIK')
    return who.hasNik ? _t('Stated, not shown') : _t('None')
  }

  day(text) {
    return text ? formatDate(deserializeDate(text)) : ''
  }

  full({ titlePrefix, name, titleSuffix }) {
    return [titlePrefix, name, titleSuffix].filter(Boolean).join(' ')
  }

  open(id) {
    return this.action.doAction(formOf('sdmk.health.worker', id))
  }

  /** For the row of somebody whom the rules did not think of. */
  choose() {
    this.dialog.add(SelectCreateDialog, {
      resModel: 'sdmk.health.worker',
      title: _t('Whose Row Is It?'),
      multiSelect: false,
      noCreate: true,
      onSelected: async ([id]) => {
        const [{ name }] = await this.orm.read('sdmk.health.worker', [id], ['name'])
        this.resolve({ id, name })
      }
    })
  }

  resolve(person) {
    const { batchId, rowNo } = this.row ?? {}
    const owner = [[this.props.record.resId], person ? person.id : 'new', batchId ? { batchId, rowNo } : null]
    this.dialog.add(ResolveDialog, {
      name: person ? person.name : null,
      preview: () => this.orm.call('sdmk.rejection', 'preview', owner),
      confirm: async (reason, planDigest) => {
        const answer = await this.orm.call('sdmk.rejection', 'resolve', [...owner, reason || null, planDigest])
        this.notification.add(_t('Decided; the batch of the decision: %s', answer.batchStateName), {
          type: answer.batchState === 'applied' ? 'success' : 'warning',
          buttons: answer.healthWorkerId
            ? [{ name: _t('Open the Health Worker'), onClick: () => this.open(answer.healthWorkerId) }]
            : []
        })
        await this.load()
      }
    })
  }
}

registry.category('view_widgets').add('sdmk_rejection_detail', {
  component: RejectionDetail,
  fieldDependencies: [{ name: 'version', type: 'float' }]
})
