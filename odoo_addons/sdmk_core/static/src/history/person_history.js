import { Component, onWillStart, onWillUnmount, onWillUpdateProps, useState } from '@odoo/owl'
import { deserializeDateTime, formatDateTime } from '@web/core/l10n/dates'
import { registry } from '@web/core/registry'
import { useService } from '@web/core/utils/hooks'
import { standardWidgetProps } from '@web/views/widgets/standard_widget_props'
import { formOf } from '../open_record'

/** What happened to a person's data: who, when and why. It is read from the sidecar whenever somebody looks. */
export class PersonHistory extends Component {
  static template = 'sdmk_core.PersonHistory'
  static props = standardWidgetProps

  setup() {
    this.orm = useService('orm')
    this.action = useService('action')
    this.state = useState({ history: null, problem: null })
    // Not waited for: the form is there at once, whatever the sidecar does.
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
    // The answer to an earlier question may come later, and be about another person.
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

  /** @param {string} at as the sidecar gives it: in UTC, with milliseconds */
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
