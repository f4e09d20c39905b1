import { Component, onWillStart, onWillUpdateProps, useState } from '@odoo/owl'
import { formOf } from '@sdmk_core/open_record'
import { _t } from '@web/core/l10n/translation'
import { downloadFile } from '@web/core/network/download'
import { registry } from '@web/core/registry'
import { useService } from '@web/core/utils/hooks'
import { standardWidgetProps } from '@web/views/widgets/standard_widget_props'

const statesWithOutcomes = ['planned', 'held', 'applied', 'undone']
const nothingAsked = { effect: null, outcome: '', profession: '', text: '' }

/** Until a batch is applied, its rejected rows are part of its plan, and not yet in the review queue. */
const isPlan = ({ data }) => !['applied', 'undone'].includes(data.state)

/** The planned or applied changes of a batch, by profession and row by row. */
export class BatchChanges extends Component {
  static template = 'sdmk_integration_kki.BatchChanges'
  static props = standardWidgetProps

  setup() {
    this.orm = useService('orm')
    this.action = useService('action')
    this.state = useState({
      asked: { ...nothingAsked },
      summary: null,
      items: [],
      next: null,
      problem: null,
      isLoading: false,
      isExporting: false
    })
    // Not awaited, so that the form opens at once, even if the sidecar is slow.
    onWillStart(() => void this.load())
    onWillUpdateProps(next => {
      const { resId, data } = this.props.record
      const isOther = next.record.resId !== resId
      // Data of another batch must not stay next to the buttons of this one.
      if (isOther) Object.assign(this.state, { asked: { ...nothingAsked }, summary: null, problem: null })
      if (isOther || next.record.data.version !== this.version || next.record.data !== data) void this.load(next.record)
    })
  }

  async load(record = this.props.record) {
    this.version = record.data.version
    if (!statesWithOutcomes.includes(record.data.state)) return
    if (this.state.asked.outcome === 'rejected' && !isPlan(record)) this.state.asked.outcome = ''
    Object.assign(this.state, { items: [], next: null })
    await this.more(0, record)
  }

  get isPlan() {
    return isPlan(this.props.record)
  }

  get outcomes() {
    const names = {
      created: _t('Created'),
      linked: _t('Linked'),
      updated: _t('Updated'),
      superseded: _t('Superseded'),
      rejected: _t('Rejected')
    }
    return Object.entries(names).filter(([outcome]) => this.isPlan || !['superseded', 'rejected'].includes(outcome))
  }

  async more(after = this.state.next, record = this.props.record) {
    this.state.isLoading = true
    // An earlier request may be answered later than this one.
    const asking = {}
    this.asking = asking
    try {
      const page = await this.orm.silent.call('sdmk.batch', 'get_changes', [[record.resId], after, this.state.asked])
      if (this.asking !== asking) return
      this.state.problem = null
      this.state.summary = page.summary ?? this.state.summary
      if (after === 0) this.state.items = []
      this.state.items.push(...page.items)
      this.state.next = page.next
    } catch (error) {
      if (this.asking === asking) this.state.problem = error.data?.message ?? String(error)
    } finally {
      if (this.asking === asking) this.state.isLoading = false
    }
  }

  only(effect) {
    return this.narrow('effect', effect)
  }

  async narrow(what, value) {
    this.state.asked[what] = value
    await this.load()
  }

  pressed(effect) {
    return String(this.state.asked.effect === effect)
  }

  /** Exports the filtered changes as CSV, page by page. */
  async save() {
    this.state.isExporting = true
    // The export keeps this batch and filter to its last page, even if another batch is opened meanwhile.
    const { resId } = this.props.record
    const asked = { ...this.state.asked }
    try {
      const parts = []
      for (let after = 0; after !== null; ) {
        const page = await this.orm.call('sdmk.batch', 'export_changes', [[resId], after, asked])
        parts.push(page.lines)
        after = page.next
      }
      // The byte order mark makes spreadsheets read the text as UTF-8.
      downloadFile(`\ufeff${parts.join('')}`, `sdmk-batch-${resId}.csv`, 'text/csv')
    } finally {
      this.state.isExporting = false
    }
  }

  open(model, id) {
    return this.action.doAction(formOf(model, id))
  }
}

registry.category('view_widgets').add('sdmk_batch_changes', {
  component: BatchChanges,
  fieldDependencies: [
    { name: 'state', type: 'selection' },
    { name: 'version', type: 'float' }
  ]
})
