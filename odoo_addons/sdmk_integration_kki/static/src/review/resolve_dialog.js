import { Component, onWillStart, useState } from '@odoo/owl'
import { Dialog } from '@web/core/dialog/dialog'
import { _t } from '@web/core/l10n/translation'
import { useAutofocus } from '@web/core/utils/hooks'

/** Shows what a decision would do, and asks for the last word before a row becomes somebody's. */
export class ResolveDialog extends Component {
  static template = 'sdmk_integration_kki.ResolveDialog'
  static components = { Dialog }
  static props = {
    /** Of the person, or null for somebody new. */
    name: [String, { value: null }],
    /** Returns the effects in words, whether one is harmful, and their digest. */
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
      // The registry may have changed since the effects were read. Why they cannot be read is not what went wrong first.
      await this.load().catch(() => {})
      throw error
    } finally {
      this.state.isDeciding = false
    }
  }
}
