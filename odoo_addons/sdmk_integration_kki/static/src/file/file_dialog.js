import { Component, useState } from '@odoo/owl'
import { browser } from '@web/core/browser/browser'
import { DateTimeInput } from '@web/core/datetime/datetime_input'
import { Dialog } from '@web/core/dialog/dialog'
import { _t } from '@web/core/l10n/translation'
import { makeErrorFromResponse } from '@web/core/network/rpc'
import { registry } from '@web/core/registry'
import { useService } from '@web/core/utils/hooks'

/** The sidecar accepts no larger files. */
const mostMegabytes = 64
const endings = ['.xlsx', '.xlsm', '.csv', '.tsv', '.txt', '.jsonl', '.ndjson']

/** Sends a file of the council through Odoo to the sidecar, and shows the run. Odoo does not store the file. */
export class FileDialog extends Component {
  static template = 'sdmk_integration_kki.FileDialog'
  static components = { DateTimeInput, Dialog }
  static props = { close: Function }

  setup() {
    this.action = useService('action')
    this.accept = endings.join()
    this.state = useState({
      file: null,
      /** The day in the picker's format; false if none is entered. */
      asOf: false,
      apply: 'auto',
      sheet: '',
      encoding: '',
      isSending: false,
      fault: '',
      /** True until another file is chosen. */
      isUnfit: false
    })
  }

  get isWorkbook() {
    return /\.xls[xm]$/i.test(this.state.file?.name ?? '')
  }

  get isText() {
    return this.state.file !== null && !this.isWorkbook
  }

  /** Clears the input. Otherwise the browser would ignore it if the user chooses the same file after correcting it. */
  forget(ev) {
    ev.target.value = ''
  }

  choose(ev) {
    const [file = null] = ev.target.files
    const isUnfit = file !== null && file.size > mostMegabytes * 2 ** 20
    Object.assign(this.state, { file, sheet: '', encoding: '', fault: '', isUnfit })
    if (isUnfit) {
      this.state.fault = _t('The file has more than %(most)s MB. The technical team can load it.', {
        most: mostMegabytes
      })
    }
  }

  setDay(day) {
    this.state.asOf = day
  }

  get canSend() {
    return this.state.file !== null && !this.state.isUnfit && !this.state.isSending
  }

  async send() {
    const { file, asOf, apply, sheet, encoding } = this.state
    const form = new FormData()
    const fields = {
      csrf_token: odoo.csrf_token,
      file,
      as_of: asOf ? asOf.toISODate() : '',
      apply_mode: apply,
      sheet,
      encoding
    }
    for (const [name, value] of Object.entries(fields)) form.append(name, value)
    this.state.isSending = true
    this.state.fault = ''
    try {
      if (!(await isAsChosen(file))) {
        this.state.isUnfit = true
        this.state.fault = _t('The file has changed since it was chosen. Choose it again.')
        return
      }
      const { action, error } = await this.post(form)
      if (error) throw makeErrorFromResponse({ code: 200, message: 'Odoo Server Error', data: error })
      if (!action) return
      this.props.close()
      await this.action.doAction(action)
    } finally {
      this.state.isSending = false
    }
  }

  /** Returns Odoo's answer, or an empty object without one. */
  async post(body) {
    try {
      const response = await browser.fetch('/sdmk/council_file', { method: 'POST', body })
      return await response.json()
    } catch {
      // A proxy may block a file of this size, the session may have ended, or the network may be down.
      this.state.fault = _t(
        'Odoo has not answered. Look among the batches whether a run was started, and sign in again if need be. Loading the same file once more does no harm. If it stays so, tell whoever runs Odoo: a proxy in front of it may let no file of this size through.'
      )
      return {}
    }
  }
}

/** Returns false if the file has changed since it was chosen; browsers do not read it then. */
async function isAsChosen(file) {
  try {
    await file.slice(0, 1).arrayBuffer()
    return true
  } catch {
    return false
  }
}

registry.category('actions').add('sdmk_load_file', env => {
  env.services.dialog.add(FileDialog)
})
