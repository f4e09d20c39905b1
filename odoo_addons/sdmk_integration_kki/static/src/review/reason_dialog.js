import { Component, useState } from '@odoo/owl'
import { Dialog } from '@web/core/dialog/dialog'
import { useAutofocus } from '@web/core/utils/hooks'

/** Asks for the reason of an order. Enter sends the order, Esc closes the dialog. */
export class ReasonDialog extends Component {
  static template = 'sdmk_integration_kki.ReasonDialog'
  static components = { Dialog }
  static props = {
    title: String,
    text: String,
    /** Rules to choose from, each with its name and number of rows. */
    rules: { type: Array, optional: true },
    most: { type: Number, optional: true },
    reason: { type: String, optional: true },
    /** Called with the reason and the rule. */
    confirm: Function,
    close: Function
  }

  setup() {
    this.state = useState({ reason: this.props.reason ?? '', rule: 0, isBusy: false })
    useAutofocus({ refName: 'reason', selectAll: true })
  }

  get rule() {
    return this.props.rules?.[this.state.rule]
  }

  get isTooMany() {
    return Boolean(this.rule && this.rule.count > this.props.most)
  }

  get canConfirm() {
    return !this.state.isBusy && !this.isTooMany && this.state.reason.trim() !== ''
  }

  async confirm() {
    if (!this.canConfirm) return
    this.state.isBusy = true
    try {
      await this.props.confirm(this.state.reason.trim(), this.rule)
      this.props.close()
    } finally {
      this.state.isBusy = false
    }
  }
}
