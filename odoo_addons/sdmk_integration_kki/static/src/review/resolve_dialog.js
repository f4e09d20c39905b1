import { Component, onWillStart, useState } from '@odoo/owl'
import { Dialog } from '@web/core/dialog/dialog'
import { _t } from '@web/core/l10n/translation'
import { useAutofocus } from '@web/core/utils/hooks'

/** Shows the effects of a decision, and asks for confirmation before a row is tied to a person. */
export class ResolveDialog extends Component {
  static template = 'sdmk_integration_kki.ResolveDialog'
  static components = { Dialog }
  static props = {
    /** The name of the person, or null for a new person. */
    name: [String, { value: null }],
    /** Returns the effects as sentences, whether one is harmful, and their digest. */
    preview: Function,
    confirm: Function,
    close: Function
  }

  setup() {
    this.state = useState({ reason: '', isDeciding: false, preview: null })
    useAutofocus({ refName: 'reason' })
    onWillStart(() => this.load())
  }

  async load() {
    this.state.preview = await this.props.preview()
  }

  get title() {
    return this.props.name ? _t('Link to This Person') : _t('Create New Person')
  }

  get canConfirm() {
    return !this.state.isDeciding && (!this.state.preview.isHarmful || this.state.reason.trim() !== '')
  }

  async confirm() {
    if (!this.canConfirm) return
    this.state.isDeciding = true
    try {
      await this.props.confirm(this.state.reason.trim(), this.state.preview.planDigest)
      this.props.close()
    } catch (error) {
      // The registry may have changed, so the effects are read again. An error of this is ignored: the first one is reported.
      await this.load().catch(() => {})
      throw error
    } finally {
      this.state.isDeciding = false
    }
  }
}
