import { Component, onWillStart } from '@odoo/owl'
import { registry } from '@web/core/registry'
import { user } from '@web/core/user'
import { useService } from '@web/core/utils/hooks'
import { standardWidgetProps } from '@web/views/widgets/standard_widget_props'
import { NikCorrectDialog, NikRevealDialog } from './nik_dialog'

/** Buttons to show and to correct the NIK, which the form itself never shows. */
export class NikButtons extends Component {
  static template = 'sdmk_core.NikButtons'
  static props = standardWidgetProps

  setup() {
    this.dialog = useService('dialog')
    onWillStart(async () => {
      this.canReveal = await user.hasGroup('sdmk_core.group_sdmk_verifier')
      this.canCorrect = await user.hasGroup('sdmk_core.group_sdmk_admin')
    })
  }

  get person() {
    const { record } = this.props
    return { workerId: record.resId, name: record.data.name || '' }
  }

  reveal() {
    this.dialog.add(NikRevealDialog, this.person)
  }

  correct() {
    const { record } = this.props
    this.dialog.add(NikCorrectDialog, { ...this.person, onCorrected: () => record.load() })
  }
}

registry.category('view_widgets').add('sdmk_nik_buttons', { component: NikButtons })
