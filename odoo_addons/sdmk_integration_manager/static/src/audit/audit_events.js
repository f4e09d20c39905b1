import { Component, onWillStart, useState } from '@odoo/owl'
import { formOf } from '@sdmk_core/open_record'
import { registry } from '@web/core/registry'
import { useService } from '@web/core/utils/hooks'
import { standardActionServiceProps } from '@web/webclient/actions/action_service'

const nothingAsked = { action: '', actor: '', since: '', until: '' }

/** The audit events, read from the sidecar, and the result of the last verification of their chain. */
export class AuditEvents extends Component {
  static template = 'sdmk_integration_manager.AuditEvents'
  static props = { ...standardActionServiceProps }

  setup() {
    this.orm = useService('orm')
    this.actions = useService('action')
    this.state = useState({
      text: '',
      asked: { ...nothingAsked },
      // The filter for one batch, run, trace or request.
      only: {},
      places: [],
      items: [],
      choices: [],
      check: null,
      isKnown: false,
      next: null,
      open: null,
      problem: null,
      isLoading: false
    })
    const { batch_id: batchId, find } = this.props.action.params ?? {}
    onWillStart(() => {
      if (batchId) this.state.only = { batchId }
      if (!find) return this.load()
      this.state.text = find
      return this.find()
    })
  }

  /** Finds the events and screens for the entered number. */
  async find() {
    const { asked, places } = await this.orm.call('sdmk.audit.event', 'find', [this.state.text])
    Object.assign(this.state, { only: asked, places, asked: { ...nothingAsked } })
    await this.load()
  }

  async clear() {
    Object.assign(this.state, { text: '', only: {}, places: [], asked: { ...nothingAsked } })
    await this.load()
  }

  async show(only) {
    this.state.only = only
    await this.load()
  }

  async narrow(what, value) {
    this.state.asked[what] = value
    await this.load()
  }

  get isFiltered() {
    return Object.values({ ...this.state.asked, ...this.state.only }).some(Boolean)
  }

  load() {
    return this.more(0)
  }

  async more(before = this.state.next) {
    this.state.isLoading = true
    const asking = {}
    this.asking = asking
    try {
      const asked = { ...this.state.asked, ...this.state.only }
      const page = await this.orm.silent.call('sdmk.audit.event', 'get_events', [before, asked])
      if (this.asking !== asking) return
      if (before === 0) Object.assign(this.state, { items: [], choices: page.actions, open: null })
      this.state.items.push(...page.items)
      Object.assign(this.state, { next: page.next, check: page.check, isKnown: true, problem: null })
    } catch (error) {
      if (this.asking === asking) this.state.problem = error.data?.message ?? String(error)
    } finally {
      if (this.asking === asking) this.state.isLoading = false
    }
  }

  toggle(id) {
    this.state.open = this.state.open === id ? null : id
  }

  openBatch(id) {
    return this.actions.doAction(formOf('sdmk.batch', id))
  }
}

registry.category('actions').add('sdmk_audit_events', AuditEvents)
