import { Component, onWillStart, onWillUpdateProps, useState } from '@odoo/owl'
import { formOf } from '@sdmk_core/open_record'
import { registry } from '@web/core/registry'
import { useService } from '@web/core/utils/hooks'
import { standardWidgetProps } from '@web/views/widgets/standard_widget_props'

/** What a batch would do, or did: by profession, and row by row. */
export class BatchChanges extends Component {
  static template = 'sdmk_integration_kki.BatchChanges'
  static props = standardWidgetProps

  setup() {
    this.orm = useService('orm')
    this.action = useService('action')
    this.state = useState({ summary: null, items: [], next: null, effect: null, problem: null, isLoading: false })
    onWillStart(() => this.load())
    onWillUpdateProps(next => {
      const { resId, data } = this.props.record
      const isOther = next.record.resId !== resId || next.record.data.version !== this.version
      return isOther || next.record.data !== data ? this.load(next.record) : undefined
    })
  }

  async load(record = this.props.record) {
    this.version = record.data.version
    if (this.state.effect === 'rejected' && !this.isPlan) this.state.effect = null
    if (!['planned', 'held', 'applied', 'undone'].includes(record.data.state)) return
    Object.assign(this.state, { items: [], next: null, summary: null })
    await this.more(0, record)
  }

  /** Before it is applied, the refused rows of a batch are with its plan, and not yet on the desk. */
  get isPlan() {
    return !['applied', 'undone'].includes(this.props.record.data.state)
  }

  async more(after = this.state.next, record = this.props.record) {
    this.state.isLoading = true
    try {
      const page = await this.orm.silent.call('sdmk.batch', 'get_changes', [[record.resId], after, this.state.effect])
      this.state.problem = null
      this.state.summary = page.summary ?? this.state.summary
      this.state.items.push(...page.items)
      this.state.next = page.next
    } catch (error) {
      this.state.problem = error.data?.message ?? String(error)
    } finally {
      this.state.isLoading = false
    }
  }

  async only(effect) {
    this.state.effect = effect
    await this.load()
  }

  open(id) {
    return this.action.doAction(formOf('sdmk.health.worker', id))
  }
}

registry.category('view_widgets').add('sdmk_batch_changes', {
  component: BatchChanges,
  fieldDependencies: [
    { name: 'state', type: 'selection' },
    { name: 'version', type: 'float' }
  ]
})
