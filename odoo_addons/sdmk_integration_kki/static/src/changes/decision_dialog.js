import { Component, onWillStart, useState } from '@odoo/owl'
import { formOf } from '@sdmk_core/open_record'
import { Dialog } from '@web/core/dialog/dialog'
import { _t } from '@web/core/l10n/translation'
import { registry } from '@web/core/registry'
import { useAutofocus, useService } from '@web/core/utils/hooks'

/** Shows the effects of a decision about a batch, and asks for its reason. Only the shown plan is applied. */
export class DecisionDialog extends Component {
  static template = 'sdmk_integration_kki.DecisionDialog'
  static components = { Dialog }
  static props = {
    batchId: Number,
    /** `apply`, `discard` or `undo`. */
    decision: String,
    /** Reloads the batch. */
    reload: Function,
    close: Function
  }

  setup() {
    this.orm = useService('orm').silent
    this.action = useService('action')
    this.state = useState({ preview: null, problem: null, reason: '', watermark: 'keep', isDeciding: false })
    useAutofocus({ refName: 'reason' })
    // Not awaited: the dialog opens at once, and shows the figures when they arrive.
    onWillStart(() => void this.load())
  }

  async load() {
    if (this.props.decision === 'discard') return
    try {
      this.state.preview = await this.orm.call('sdmk.batch', 'get_preview', [[this.props.batchId], this.props.decision])
    } catch (error) {
      this.fail(error)
    }
  }

  get title() {
    const titles = { apply: _t('Apply the Batch'), discard: _t('Discard the Batch'), undo: _t('Undo the Batch') }
    return titles[this.props.decision]
  }

  /** The effects of applying the batch, the most harmful first. */
  get effects() {
    const { ledger, namesChanged } = this.state.preview.summary
    return [
      { name: _t('Deactivated Licences'), count: ledger.deactivated, isHarmful: ledger.deactivated > 0 },
      { name: _t('Changed Names'), count: namesChanged },
      { name: _t('Created'), count: ledger.created },
      { name: _t('Linked'), count: ledger.linked },
      { name: _t('Updated'), count: ledger.updated },
      { name: _t('Rejected'), count: ledger.rejected }
    ]
  }

  get canDecide() {
    const isShown = this.props.decision === 'discard' || this.state.preview !== null
    return isShown && !this.state.isDeciding && this.state.reason.trim() !== ''
  }

  async decide() {
    if (!this.canDecide) return
    const { decision, batchId } = this.props
    const { reason, watermark, preview } = this.state
    this.state.isDeciding = true
    try {
      const args = [[batchId], decision, reason.trim(), preview?.planDigest ?? false, watermark]
      await this.orm.call('sdmk.batch', 'decide', args)
      this.lookAgain()
    } catch (error) {
      this.fail(error)
    } finally {
      this.state.isDeciding = false
    }
  }

  /** After any error the figures of the dialog may be outdated, so the user must review the batch again. */
  fail(error) {
    this.state.problem = error.data?.message ?? String(error)
  }

  lookAgain() {
    this.props.close()
    return this.props.reload()
  }

  open(model, id) {
    this.props.close()
    return this.action.doAction(formOf(model, id))
  }
}

registry.category('actions').add('sdmk_batch_decision', (env, { params }) => {
  env.services.dialog.add(DecisionDialog, {
    batchId: params.batch_id,
    decision: params.decision,
    reload: () => env.services.action.doAction({ type: 'ir.actions.client', tag: 'soft_reload' })
  })
})
