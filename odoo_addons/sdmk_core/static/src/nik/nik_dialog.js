import { Component, onWillUnmount, useState } from '@odoo/owl'
import { Dialog } from '@web/core/dialog/dialog'
import { rpc } from '@web/core/network/rpc'
import { registry } from '@web/core/registry'
import { formOf } from '../open_record'

/** The dialog hides the NIK after this time, because its user may have left the screen. */
const SHOWN_MS = 60_000

/** Asks for a reason and shows a person's NIK. Odoo does not store it. */
export class NikRevealDialog extends Component {
  static template = 'sdmk_core.NikRevealDialog'
  static components = { Dialog }
  static props = { workerId: Number, name: String, close: Function }

  setup() {
    this.state = useState({ reason: '', nik: null, isAsking: false })
    onWillUnmount(() => {
      clearTimeout(this.timer)
      this.state.nik = null
    })
  }

  async reveal() {
    this.state.isAsking = true
    try {
      const { nik } = await rpc(`/sdmk/health_worker/${this.props.workerId}/nik`, {
        reason: this.state.reason
      })
      this.state.nik = nik
      this.timer = setTimeout(this.props.close, SHOWN_MS)
    } finally {
      this.state.isAsking = false
    }
  }
}

/** Replaces the NIK of a person. */
export class NikCorrectDialog extends Component {
  static template = 'sdmk_core.NikCorrectDialog'
  static components = { Dialog }
  static props = { workerId: Number, name: String, onCorrected: Function, close: Function }

  setup() {
    this.state = useState({ reason: '', nik: '', isAsking: false })
  }

  get isComplete() {
    return /^\d{16}$/.test(this.state.nik.replace(/\s/g, '')) && this.state.reason.trim() !== ''
  }

  async correct() {
    this.state.isAsking = true
    try {
      await rpc(`/sdmk/health_worker/${this.props.workerId}/nik/correct`, {
        nik: this.state.nik.replace(/\s/g, ''),
        reason: this.state.reason
      })
      await this.props.onCorrected()
      this.props.close()
    } finally {
      this.state.isAsking = false
    }
  }
}

/** Finds the person who has a NIK. Each search is recorded with user, time and reason, even without a result. */
export class NikSearchDialog extends Component {
  static template = 'sdmk_core.NikSearchDialog'
  static components = { Dialog }
  static props = { onFound: Function, close: Function }

  setup() {
    this.state = useState({ reason: '', nik: '', isAsking: false, isMissed: false })
  }

  get canAsk() {
    return !this.state.isAsking && /^\d{16}$/.test(this.digits) && this.state.reason.trim() !== ''
  }

  get digits() {
    return this.state.nik.replace(/[\s.-]/g, '')
  }

  async search() {
    if (!this.canAsk) return
    this.state.isAsking = true
    this.state.isMissed = false
    try {
      const workerId = await rpc('/sdmk/health_worker/find_by_nik', { nik: this.digits, reason: this.state.reason })
      if (workerId === false) {
        this.state.isMissed = true
        return
      }
      this.props.close()
      this.props.onFound(workerId)
    } finally {
      this.state.isAsking = false
    }
  }
}

registry.category('actions').add('sdmk_find_by_nik', env => {
  const onFound = id => env.services.action.doAction(formOf('sdmk.health.worker', id))
  env.services.dialog.add(NikSearchDialog, { onFound })
})
