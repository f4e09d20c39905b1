import { useState } from '@odoo/owl'
import { WarningDialog } from '@web/core/errors/error_dialogs'
import { user } from '@web/core/user'
import { useService } from '@web/core/utils/hooks'
import { patch } from '@web/core/utils/patch'

/** Adds a link from an error with a request id to the audit events of that request. */
patch(WarningDialog.prototype, {
  setup() {
    super.setup()
    this.sdmkActions = useService('action')
    this.sdmk = useState({ isAuditor: false })
    this.requestId = /\bodoo-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/.exec(this.message ?? '')?.[0] ?? null
    if (!this.requestId) return
    user.hasGroup('sdmk_core.group_sdmk_auditor').then(isAuditor => {
      this.sdmk.isAuditor = isAuditor
    })
  },

  async showRequest() {
    this.props.close()
    await this.sdmkActions.doAction(
      { type: 'ir.actions.client', tag: 'sdmk_audit_events', name: this.requestId, params: { find: this.requestId } },
      { forceLeave: true }
    )
  }
})
