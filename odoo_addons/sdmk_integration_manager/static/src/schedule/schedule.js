import { Component, onWillUnmount, useEffect, useState } from '@odoo/owl'
import { deserializeDateTime, formatDateTime } from '@web/core/l10n/dates'
import { registry } from '@web/core/registry'
import { useService } from '@web/core/utils/hooks'
import { standardWidgetProps } from '@web/views/widgets/standard_widget_props'

/** Shows the schedule of the form in words with its next runs, or its fault, even before it is saved. */
export class SdmkSchedule extends Component {
  static template = 'sdmk_integration_manager.Schedule'
  static props = { ...standardWidgetProps }

  setup() {
    this.orm = useService('orm')
    this.state = useState({ isAsked: false, told: null })
    let isGone = false
    onWillUnmount(() => {
      isGone = true
    })
    useEffect(
      (expression, id) => {
        const isAsked = Boolean(expression && id)
        Object.assign(this.state, isAsked ? { isAsked } : { isAsked, told: null })
        if (!isAsked) return
        this.orm.silent
          .call('sdmk.integration', 'get_schedule', [[id], expression])
          .then(told => {
            // The user may have entered another schedule meanwhile.
            if (isGone || expression !== this.props.record.data.schedule) return
            Object.assign(this.state, { isAsked: false, told })
          })
          .catch(() => {
            if (isGone || expression !== this.props.record.data.schedule) return
            Object.assign(this.state, { isAsked: false, told: null })
          })
      },
      () => [this.props.record.data.schedule, this.props.record.resId]
    )
  }

  when(moment) {
    return formatDateTime(deserializeDateTime(moment))
  }
}

registry.category('view_widgets').add('sdmk_schedule', { component: SdmkSchedule })
