import { Component, onWillStart, useState } from '@odoo/owl'
import { formOf } from '@sdmk_core/open_record'
import { registry } from '@web/core/registry'
import { useService } from '@web/core/utils/hooks'
import { standardWidgetProps } from '@web/views/widgets/standard_widget_props'

/** What the undo of a batch would restore, remove and leave, in the dialog that asks for its reason. */
export class UndoPreview extends Component {
  static template = 'sdmk_integration_kki.UndoPreview'
  static props = standardWidgetProps

  setup() {
    const orm = useService('orm')
    this.action = useService('action')
    this.state = useState({ undo: null, problem: null })
    onWillStart(() => {
      const { decision, batch_id: batch } = this.props.record.data
      if (decision !== 'undo') return
      // The dialog opens at once, and shows the figures when they are here.
      orm.silent.call('sdmk.batch', 'get_undo_preview', [[batch.id ?? batch[0]]]).then(
        undo => Object.assign(this.state, { undo }),
        error => Object.assign(this.state, { problem: error.data?.message ?? String(error) })
      )
    })
  }

  open(model, id) {
    return this.action.doAction(formOf(model, id))
  }
}

registry.category('view_widgets').add('sdmk_undo_preview', {
  component: UndoPreview,
  fieldDependencies: [
    { name: 'decision', type: 'selection' },
    { name: 'batch_id', type: 'many2one' }
  ]
})
