import { Component, onWillStart, onWillUnmount, useState } from '@odoo/owl'
import { formOf } from '@sdmk_core/open_record'
import { deserializeDateTime, formatDateTime } from '@web/core/l10n/dates'
import { _t } from '@web/core/l10n/translation'
import { registry } from '@web/core/registry'
import { user } from '@web/core/user'
import { useService } from '@web/core/utils/hooks'
import { useRecordObserver } from '@web/model/relational_model/utils'
import { standardWidgetProps } from '@web/views/widgets/standard_widget_props'
import { Comparison } from './comparison'
import { dismiss } from './dismiss'
import { OwnerDialog } from './owner_dialog'
import { ReasonDialog } from './reason_dialog'
import { ResolveDialog } from './resolve_dialog'

/** A rejected row as KKI sent it, its candidates, and the decisions about it. */
export class RejectionDetail extends Component {
  static template = 'sdmk_integration_kki.RejectionDetail'
  static components = { Comparison }
  static props = standardWidgetProps

  setup() {
    this.orm = useService('orm')
    this.action = useService('action')
    this.dialog = useService('dialog')
    this.notification = useService('notification')
    this.state = useState({ detail: null, problem: null, isLoading: false, at: 0 })
    this.asked = 0
    onWillUnmount(() => {
      this.asked += 1
    })
    onWillStart(async () => {
      this.canDecide = await user.hasGroup('sdmk_core.group_sdmk_verifier')
      this.canUndo = await user.hasGroup('sdmk_core.group_sdmk_admin')
    })
    // Not awaited, so that the form opens at once, even if the sidecar is slow.
    useRecordObserver(({ resId, data: { version } }) => {
      if (resId !== this.shownId) Object.assign(this.state, { detail: null, problem: null, at: 0 })
      this.shownId = resId
      this.version = version
      this.load(resId)
    })
  }

  async load(id = this.shownId) {
    this.asked += 1
    const asked = this.asked
    this.state.isLoading = true
    try {
      const detail = await this.orm.silent.call('sdmk.rejection', 'get_detail', [[id]])
      if (asked !== this.asked) return
      this.state.detail = detail
      this.state.problem = null
      // If several people share an STR, select the first pending row.
      const waiting = detail.rows.findIndex(row => !row.settledByBatchId)
      const isThere =
        this.state.at < detail.rows.length && (waiting < 0 || !detail.rows[this.state.at].settledByBatchId)
      if (!isThere) this.state.at = Math.max(waiting, 0)
    } catch (error) {
      if (asked === this.asked) this.state.problem = error.data?.message ?? String(error)
    } finally {
      if (asked === this.asked) this.state.isLoading = false
    }
  }

  get row() {
    return this.state.detail?.rows[this.state.at]
  }

  get isOpen() {
    return this.state.detail?.state === 'open'
  }

  get place() {
    const { batchId, page, pageRow } = this.row
    return _t('(batch %(batch)s, page %(page)s, row %(row)s)', { batch: batchId, page, row: pageRow })
  }

  told({ batchId, answer }) {
    if (answer === 'found') return _t('Fetched again by batch %s: KKI has the row.', batchId)
    if (answer === 'not_found') return _t('Fetched again by batch %s: KKI does not know the STR.', batchId)
    if (answer === 'denied') return _t('Fetched again by batch %s: KKI does not accept the STR.', batchId)
    return _t('Fetched again by batch %s.', batchId)
  }

  /** Returns a decision as one sentence. */
  decided({ isNewPerson, healthWorkerName, decidedBy, decidedAt }) {
    const words = { name: healthWorkerName ?? _t('a person who is not shown'), who: decidedBy, at: moment(decidedAt) }
    if (!isNewPerson) return _t('Linked to %(name)s, by %(who)s, %(at)s', words)
    return healthWorkerName
      ? _t('New person created: %(name)s, by %(who)s, %(at)s', words)
      : _t('New person, by %(who)s, %(at)s', words)
  }

  get dismissed() {
    const { state, decidedBy, decidedAt } = this.state.detail
    if (state !== 'dismissed' || !decidedAt) return null
    return _t('Dismissed by %(who)s, %(at)s', { who: decidedBy, at: moment(decidedAt) })
  }

  /** True if the batch of a decision is applied, so that it can be undone. */
  stands({ batchState }) {
    return batchState === 'applied'
  }

  /** The row's fields, with KKI's names and in KKI's order. */
  get fields() {
    const row = this.row?.row
    if (row === null || row === undefined) return []
    if (typeof row !== 'object' || Array.isArray(row)) return [{ key: _t('Row'), value: JSON.stringify(row) }]
    return Object.entries(row).map(([key, value]) => ({
      key,
      value: typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value)
    }))
  }

  canResolve(row) {
    // A row that the mapping cannot read cannot be tied to a person yet.
    const isReadable = this.state.detail.source === 'kki' && Boolean(row.reading)
    return this.canDecide && this.isOpen && isReadable && !row.settledByBatchId
  }

  open(id, model = 'sdmk.health.worker') {
    return this.action.doAction(formOf(model, id))
  }

  /** Lets the user choose a person who is not a candidate. */
  choose(index) {
    this.state.at = index
    // A reload may select another row while the dialog is open.
    const shown = this.shown
    this.dialog.add(OwnerDialog, {
      resModel: 'sdmk.health.worker',
      title: _t('Choose the Holder of the STR'),
      multiSelect: false,
      noCreate: true,
      // Hides the search by NIK, because it opens a person and so would close this dialog.
      context: { sdmk_choice: true },
      onSelected: async ([id]) => {
        const [{ name }] = await this.orm.read('sdmk.health.worker', [id], ['name'])
        this.resolve({ id, name }, shown)
      }
    })
  }

  create(index) {
    this.state.at = index
    this.resolve(null)
  }

  /** The rejection and the row that a decision is about. */
  get shown() {
    const { batchId, rowNo } = this.row
    return { id: this.shownId, row: { batchId, rowNo } }
  }

  resolve(person, { id, row } = this.shown) {
    const owner = [[id], person ? person.id : 'new', row]
    this.dialog.add(ResolveDialog, {
      name: person ? person.name : null,
      preview: () => this.orm.call('sdmk.rejection', 'preview', owner),
      confirm: async (reason, planDigest) => {
        const answer = await this.orm.call('sdmk.rejection', 'resolve', [...owner, reason || null, planDigest])
        const isDone = answer.batchState === 'applied'
        const worker = { name: _t('Open the Health Worker'), onClick: () => this.open(answer.healthWorkerId) }
        await this.goOn(_t('Decided; the batch of the decision: %s.', answer.batchStateName), {
          type: isDone ? 'success' : 'warning',
          buttons: answer.healthWorkerId ? [worker] : []
        })
      }
    })
  }

  dismiss() {
    dismiss(this.env, [this.shownId], () => this.goOn(_t('The row is dismissed.'), { type: 'success', buttons: [] }))
  }

  async order(method) {
    await this.action.doAction(await this.orm.call('sdmk.rejection', method, [[this.shownId]]))
    await this.load()
  }

  async reopen() {
    await this.orm.call('sdmk.rejection', 'reopen', [[this.shownId]])
    this.notification.add(_t('The row is open again.'), { type: 'success' })
    await this.load()
  }

  undo({ batchId }) {
    const id = this.shownId
    this.dialog.add(ReasonDialog, {
      title: _t('Undo the Decision'),
      text: _t(
        'The people and licences become as they were before the decision. What later batches or corrections changed stays.'
      ),
      confirm: async reason => {
        const state = await this.orm.call('sdmk.rejection', 'undo_decision', [[id], batchId, reason])
        this.notification.add(_t('The batch of the decision: %s', state), { type: 'success' })
        await this.load()
      }
    })
  }

  /** Reports a decision, and opens the next open row of the list. The last row stays on the screen. */
  async goOn(message, { type, buttons }) {
    const id = this.shownId
    await this.load()
    // A rejection with rows of several people may need more decisions.
    const isLeft = this.isOpen && this.state.detail.rows.some(row => this.canResolve(row))
    // The decision is stored, so an error in the search for the next row is ignored.
    const next = isLeft && this.state.detail.rows.length > 1 ? null : await this.nextOpen(id).catch(() => null)
    const back = { name: _t('Show the Decided Row'), onClick: () => this.open(id, 'sdmk.rejection') }
    // Odoo's export of terms reads no template literals.
    const following = _t('This is the next row.')
    const text = next ? `${message} ${following}` : message
    this.notification.add(text, { type, buttons: next ? [...buttons, back] : buttons })
    // Not awaited, so that an error here is not reported as an error of the decision.
    if (next) this.props.record.model.load({ resId: next })
  }

  /** Returns the open row that follows in the list from which the form was opened, or null. */
  async nextOpen(id) {
    const ids = this.props.record.model.root.resIds
    const at = ids.indexOf(id)
    const others = [...ids.slice(at + 1), ...ids.slice(0, Math.max(at, 0))]
    if (others.length === 0) return null
    const open = await this.orm.search('sdmk.rejection', [
      ['id', 'in', others],
      ['state', '=', 'open']
    ])
    return others.find(other => open.includes(other)) ?? null
  }
}

function moment(text) {
  return formatDateTime(deserializeDateTime(text.slice(0, 19).replace('T', ' ')))
}

registry.category('view_widgets').add('sdmk_rejection_detail', {
  component: RejectionDetail,
  fieldDependencies: [{ name: 'version', type: 'float' }]
})
