import { useExternalListener } from '@odoo/owl'
import { SelectCreateDialog } from '@web/views/view_dialogs/select_create_dialog'

/**
 * The dialog to choose a person. Esc closes it, even while the cursor is in its search box. If another dialog is above it, Esc
 * closes only that one.
 */
export class OwnerDialog extends SelectCreateDialog {
  setup() {
    super.setup()
    useExternalListener(
      window,
      'keydown',
      event => {
        const hasMenu = document.querySelector('.o-dropdown--menu, .o_searchview_autocomplete')
        if (event.key !== 'Escape' || hasMenu || !this.env.dialogData.isActive) return
        event.preventDefault()
        event.stopPropagation()
        this.props.close()
      },
      { capture: true }
    )
  }
}
