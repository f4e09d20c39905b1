import { Component, onWillStart, onWillUnmount, onWillUpdateProps, useState } from '@odoo/owl'
import { deserializeDateTime, formatDateTime } from '@web/core/l10n/dates'
import { registry } from '@web/core/registry'
import { useService } from '@web/core/utils/hooks'
import { standardWidgetProps } from '@web/views/widgets/standard_widget_props'
import { formOf } from '../open_record'

/** The history of a person's data, with actors, times and reasons. Each view reads it from the sidecar. */
export class PersonHistory extends Component {
  static template = 'sdmk_core.PersonHistory'
  static props = standardWidgetProps

  setup() {
    this.orm = useService('orm')
    this.action = useService('action')
    this.state = useState({ history: null, problem: null })
    // Not awaited, so that the form opens at once, even if the sidecar is slow.
    onWillStart(() => void this.load())
    onWillUpdateProps(next => {
      const { data } = this.props.record
      const isOther = next.record.resId !== this.shownId
      if (isOther) Object.assign(this.state, { history: null, problem: null })
      if (isOther || next.record.data.version !== this.version || next.record.data !== data) this.load(next.record)
    })
    onWillUnmount(() => {
      this.asking = null
    })
  }

  async load(record = this.props.record) {
    this.shownId = record.resId
    this.version = record.data.version
    // An earlier request, about another person, may be answered later than this one.
    const asking = {}
    this.asking = asking
    try {
      const history = await this.orm.silent.call('sdmk.health.worker', 'read_history', [[record.resId]])
      if (asking !== this.asking) return
      this.state.history = history
      this.state.problem = null
    } catch (error) {
      if (asking === this.asking) this.state.problem = error.data?.message ?? String(error)
    }
  }

  /** @param {string} at in the sidecar's format: UTC with milliseconds */
  when(at) {
    return formatDateTime(deserializeDateTime(at.slice(0, 19).replace('T', ' ')))
  }

  openPerson(id) {
    return this.action.doAction(formOf('sdmk.health.worker', id))
  }

  openBatch(id) {
    return this.action.doAction(formOf('sdmk.batch', id))
  }
}

registry.category('view_widgets').add('sdmk_person_history', {
  component: PersonHistory,
  fieldDependencies: [{ name: 'version', type: 'float' }]
})
