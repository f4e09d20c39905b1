import { Component, onMounted, onPatched, onWillStart, onWillUnmount, useRef, useState } from '@odoo/owl'
import { useLiveReload } from '@sdmk_core/live/use_live_reload'
import { formOf } from '@sdmk_core/open_record'
import { loadBundle } from '@web/core/assets'
import { deserializeDate, deserializeDateTime, formatDateTime } from '@web/core/l10n/dates'
import { _t } from '@web/core/l10n/translation'
import { registry } from '@web/core/registry'
import { useService } from '@web/core/utils/hooks'
import { formatInteger } from '@web/views/fields/formatters'
import { standardActionServiceProps } from '@web/webclient/actions/action_service'
import { durationChart, outcomesChart, reasonsChart } from './charts'

const mirrored = ['sdmk.batch', 'sdmk.rejection']

/** The integration with KKI at a glance: how it is today, what waits for a person, and two weeks of figures. */
export class SdmkDashboard extends Component {
  static template = 'sdmk_integration_kki.Dashboard'
  static props = { ...standardActionServiceProps }

  setup() {
    this.orm = useService('orm')
    this.action = useService('action')
    this.canvases = { outcomes: useRef('outcomes'), reasons: useRef('reasons'), durations: useRef('durations') }
    this.charts = {}
    this.state = useState({ figures: null, sidecar: null })
    onWillStart(async () => {
      await Promise.all([loadBundle('web.chartjs_lib'), this.load()])
      // Not awaited: the figures are here whether the sidecar answers or not.
      this.ask()
    })
    onMounted(() => this.draw())
    onPatched(() => this.draw())
    onWillUnmount(() => {
      for (const chart of Object.values(this.charts)) chart.destroy()
    })
    useLiveReload(
      ({ model }) => mirrored.includes(model),
      () => this.load()
    )
  }

  async load() {
    this.state.figures = await this.orm.silent.call('sdmk.dashboard', 'get_figures', [])
  }

  async ask() {
    this.state.sidecar = await this.orm.silent.call('sdmk.dashboard', 'get_sidecar', [])
  }

  number(value) {
    return formatInteger(value)
  }

  when(moment) {
    return moment ? formatDateTime(deserializeDateTime(moment)) : '–'
  }

  draw() {
    const { figures } = this.state
    if (this.drawn === figures) return
    this.drawn = figures
    const days = figures.days.map(day => deserializeDate(day).toFormat('d LLL'))
    const made = {
      outcomes: outcomesChart(days, figures.outcomes),
      reasons: reasonsChart(figures.reasons, key => this.openRejections([['code', '=', key]])),
      durations: durationChart(figures.durations, id => this.openBatch(id))
    }
    for (const [name, config] of Object.entries(made)) {
      this.charts[name]?.destroy()
      const canvas = this.canvases[name].el
      if (canvas) this.charts[name] = new Chart(canvas, config)
    }
  }

  openBatches(domain, name) {
    return this.list('sdmk.batch', [['list'], ['kanban'], ['form']], domain, name)
  }

  openRejections(domain) {
    return this.list('sdmk.rejection', [['list'], ['form']], [['state', '=', 'open'], ...domain], _t('Refused Rows'))
  }

  openBatch(id) {
    return this.action.doAction(formOf('sdmk.batch', id))
  }

  openIntegration() {
    return this.action.doAction(formOf('sdmk.integration', this.state.figures.integrationId))
  }

  openHeld() {
    return this.openBatches([['state', '=', 'held']], _t('Needs a Decision'))
  }

  openFailed() {
    return this.openBatches([['state', '=', 'failed']], _t('Failed'))
  }

  openUrgent() {
    return this.openRejections([['urgent', '=', true]])
  }

  list(model, views, domain, name) {
    return this.action.doAction({
      type: 'ir.actions.act_window',
      res_model: model,
      views: views.map(([type]) => [false, type]),
      domain,
      name
    })
  }
}

registry.category('actions').add('sdmk_dashboard', SdmkDashboard)
