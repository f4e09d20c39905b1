import { Component, onWillUnmount, useEffect, useState } from '@odoo/owl'
import { _t } from '@web/core/l10n/translation'
import { registry } from '@web/core/registry'
import { useService } from '@web/core/utils/hooks'
import { standardFieldProps } from '@web/views/fields/standard_field_props'

/** The name in a row, and below it the row's candidates. */
export class RejectionName extends Component {
  static template = 'sdmk_integration_kki.RejectionName'
  static props = standardFieldProps

  setup() {
    this.names = useService('sdmk_rejection_names')
    this.state = useState({ told: undefined })
    let isThere = true
    onWillUnmount(() => {
      isThere = false
    })
    useEffect(
      id => {
        this.state.told = undefined
        this.names.get(id).then(told => {
          if (isThere && id === this.props.record.resId) this.state.told = told
        })
      },
      () => [this.props.record.resId, this.props.record.data.last_seen_at]
    )
  }

  get candidates() {
    return this.state.told?.candidates.map(({ name }) => name).join(' · ')
  }
}

/** An icon with a word, because colour alone is not enough to show urgency. */
export class Urgent extends Component {
  static template = 'sdmk_integration_kki.Urgent'
  static props = standardFieldProps
}

const fields = registry.category('fields')
fields.add('sdmk_rejection_name', {
  component: RejectionName,
  displayName: _t('Name in the Row'),
  supportedTypes: ['char'],
  isEmpty: () => false,
  fieldDependencies: [{ name: 'last_seen_at', type: 'datetime' }]
})
fields.add('sdmk_urgent', { component: Urgent, displayName: _t('Urgent'), supportedTypes: ['integer'] })
