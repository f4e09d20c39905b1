import { Component, onMounted, onPatched, onWillDestroy, onWillStart, useRef, useState } from '@odoo/owl'
import { useLiveReload } from '@sdmk_core/live/use_live_reload'
import { loadBundle } from '@web/core/assets'
import { deserializeDate, deserializeDateTime, formatDateTime } from '@web/core/l10n/dates'
import { _t } from '@web/core/l10n/translation'
import { registry } from '@web/core/registry'
import { useService } from '@web/core/utils/hooks'
import { formatFloat, formatInteger } from '@web/views/fields/formatters'
import { standardActionServiceProps } from '@web/webclient/actions/action_service'
import { durationChart, outcomesChart, reasonsChart } from './charts'

const mirrored = ['sdmk.batch', 'sdmk.rejection']
/** An answer may take three seconds, so a sidecar that does not answer is shown within ten seconds. */
const askEveryMs = 5000
/** Longer, because each request to a sidecar that does not answer blocks a worker of Odoo for seconds. */
const askAfterSilenceMs = 30_000

/** Overview of the integration with KKI: its status with reasons, work that waits for a person, and figures of two weeks. */
export class SdmkDashboard extends Component {
  static template = 'sdmk_integration_kki.Dashboard'
  static props = { ...standardActionServiceProps }

  setup() {
    this.orm = useService('orm')
    this.root = useRef('root')
    this.canvases = { outcomes: useRef('outcomes'), reasons: useRef('reasons'), durations: useRef('durations') }
    this.charts = {}
    this.state = useState({ figures: null, sidecar: null })
    this.isGone = false
    onWillStart(async () => {
      await Promise.all([loadBundle('web.chartjs_lib'), this.load()])
      // Not awaited, because Odoo's own figures do not need the sidecar.
      this.ask()
    })
    onMounted(() => this.draw())
    onPatched(() => this.draw())
    // Also called if the user leaves before the first answer has arrived.
    onWillDestroy(() => {
      this.isGone = true
      clearTimeout(this.timer)
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
    const sidecar = document.hidden
      ? this.state.sidecar
      : await this.orm.silent.call('sdmk.dashboard', 'get_sidecar', []).catch(unanswered)
    if (this.isGone) return
    this.state.sidecar = sidecar
    this.timer = setTimeout(() => this.ask(), sidecar?.isSilent ? askAfterSilenceMs : askEveryMs)
  }

  /** The reasons for attention, faults first. */
  get reasons() {
    const { figures, sidecar } = this.state
    const all = [...figures.verdict, ...(sidecar?.verdict ?? [])]
    return [...all.filter(({ level }) => level === 'broken'), ...all.filter(({ level }) => level !== 'broken')]
  }

  get verdict() {
    const [worst] = this.reasons
    if (worst?.level === 'broken') return { text: _t('Broken'), alert: 'alert-danger', icon: 'fa-times-circle' }
    if (worst) return { text: _t('Needs You'), alert: 'alert-warning', icon: 'fa-exclamation-triangle' }
    if (!this.state.sidecar) return { text: _t('Checking…'), alert: 'alert-info', icon: 'fa-spinner fa-spin' }
    return { text: _t('All Well'), alert: 'alert-success', icon: 'fa-check-circle' }
  }

  get hasImports() {
    return this.state.figures.today.some(({ imported }) => imported > 0)
  }

  number(value) {
    return formatInteger(value)
  }

  seconds(value) {
    return formatFloat(value, { digits: [16, 1] })
  }

  when(moment) {
    return moment ? formatDateTime(deserializeDateTime(moment)) : '–'
  }

  day(day) {
    return deserializeDate(day).toFormat('d LLL')
  }

  dayHref(day) {
    return `/odoo/${day.replaceAll('-', '')}/sdmk-batches-of-day`
  }

  batchHref(id) {
    return `/odoo/sdmk.batch/${id}`
  }

  /** Makes a click on a chart act like a click on the same link in the table next to it. */
  follow(href) {
    this.root.el.querySelector(`a[href="${href}"]`)?.click()
  }

  draw() {
    const { figures } = this.state
    if (this.drawn === figures) return
    this.drawn = figures
    const days = figures.days.map(day => this.day(day))
    const made = {
      outcomes: outcomesChart(days, figures.outcomes, at => this.follow(this.dayHref(figures.days[at]))),
      reasons: reasonsChart(figures.reasons, at => this.follow(figures.reasons[at].href)),
      durations: durationChart(figures.durations, at => this.follow(this.batchHref(figures.durations[at].id)))
    }
    for (const [name, config] of Object.entries(made)) {
      this.charts[name]?.destroy()
      const canvas = this.canvases[name].el
      if (canvas) this.charts[name] = new Chart(canvas, config)
    }
  }
}

/** Returns the status to show if Odoo itself does not answer. Otherwise each request would open an error dialog. */
function unanswered() {
  const text = _t('Odoo does not answer. The figures may be old.')
  return { isSilent: true, nextRun: false, verdict: [{ level: 'broken', text, href: '/odoo/sdmk-kki' }] }
}

registry.category('actions').add('sdmk_dashboard', SdmkDashboard)
