import { Component, useRef, useState } from '@odoo/owl'
import { Dialog } from '@web/core/dialog/dialog'
import { downloadFile } from '@web/core/network/download'
import { rpc } from '@web/core/network/rpc'
import { registry } from '@web/core/registry'

/** Finds a person, and shows, prints or saves the report of their stored data. Odoo does not store the report. */
export class ReportDialog extends Component {
  static template = 'sdmk_core.ReportDialog'
  static components = { Dialog }
  static props = { workerId: { type: Number, optional: true }, name: { type: String, optional: true }, close: Function }

  setup() {
    this.page = useRef('page')
    this.state = useState({
      by: 'str',
      str: '',
      nik: '',
      name: '',
      birthDate: '',
      language: 'id',
      reason: '',
      isAsking: false,
      answer: null
    })
  }

  /** The fields that identify the person, in the sidecar's format; null while they are incomplete. */
  get who() {
    if (this.props.workerId) return { id: this.props.workerId }
    const { by, birthDate } = this.state
    const name = this.state.name.trim()
    const number = this.state[by].replace(/\s/g, '')
    if (by === 'name') return name.length > 1 && birthDate ? { name, birthDate } : null
    if (by === 'nik') return /^\d{16}$/.test(number) ? { nik: number } : null
    return number ? { str: number } : null
  }

  get canAsk() {
    return !this.state.isAsking && this.who !== null && this.state.reason.trim() !== ''
  }

  async ask(who = this.who) {
    const { language, reason } = this.state
    this.state.isAsking = true
    try {
      this.state.answer = await rpc('/sdmk/person_report', { asked: { ...who, language, reason } })
    } finally {
      this.state.isAsking = false
    }
  }

  print() {
    this.page.el.contentWindow.print()
  }

  save() {
    const { healthWorkerId, page } = this.state.answer
    downloadFile(page, `sdmk-${healthWorkerId ?? '0'}.html`, 'text/html')
  }
}

registry.category('actions').add('sdmk_access_report', (env, { params }) => {
  const { worker_id: workerId, name } = params ?? {}
  env.services.dialog.add(ReportDialog, workerId ? { workerId, name } : {})
})
