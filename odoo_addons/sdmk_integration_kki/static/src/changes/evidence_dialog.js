import { Component, useRef, useState } from '@odoo/owl'
import { Dialog } from '@web/core/dialog/dialog'
import { downloadFile } from '@web/core/network/download'
import { registry } from '@web/core/registry'
import { user } from '@web/core/user'
import { useService } from '@web/core/utils/hooks'

/** Exports the evidence of a batch, as a page to print and as JSON. Odoo does not store it. */
export class EvidenceDialog extends Component {
  static template = 'sdmk_integration_kki.EvidenceDialog'
  static components = { Dialog }
  static props = { batchId: Number, close: Function }

  setup() {
    this.orm = useService('orm')
    this.page = useRef('page')
    this.state = useState({
      language: user.lang.startsWith('id') ? 'id' : 'en',
      reason: '',
      isAsking: false,
      answer: null
    })
  }

  get canAsk() {
    return !this.state.isAsking && this.state.reason.trim() !== ''
  }

  async ask() {
    if (!this.canAsk) return
    const { reason, language } = this.state
    this.state.isAsking = true
    try {
      this.state.answer = await this.orm.call('sdmk.batch', 'take_evidence', [[this.props.batchId], reason, language])
    } finally {
      this.state.isAsking = false
    }
  }

  print() {
    this.page.el.contentWindow.print()
  }

  savePage() {
    downloadFile(this.state.answer.page, `sdmk-batch-${this.props.batchId}.html`, 'text/html')
  }

  saveJson() {
    const text = JSON.stringify(this.state.answer.evidence, null, 2)
    downloadFile(text, `sdmk-batch-${this.props.batchId}.json`, 'application/json')
  }
}

registry.category('actions').add('sdmk_batch_evidence', (env, { params }) => {
  env.services.dialog.add(EvidenceDialog, { batchId: params.batch_id })
})
