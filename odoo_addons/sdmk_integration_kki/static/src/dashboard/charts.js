import { _t } from '@web/core/l10n/translation'
import { formatFloat } from '@web/views/fields/formatters'

const colors = {
  created: '#2e7d32',
  linked: '#66bb6a',
  updated: '#1e88e5',
  unchanged: '#b0bec5',
  superseded: '#ffb74d',
  rejected: '#d32f2f'
}

/** Numbers in the format of the operator's language. */
const ticks = { precision: 0, callback: value => formatFloat(value, { trailingZeros: false }) }
const common = { responsive: true, maintainAspectRatio: false, animation: false }

/** Opens the records of the clicked bar. */
const opening = open => (_event, elements) => elements.length > 0 && open(elements[0].index)

/** Rows of each day, stacked by outcome. */
export function outcomesChart(days, outcomes, open) {
  return {
    type: 'bar',
    data: {
      labels: days,
      datasets: outcomes.map(({ key, label, rows }) => ({ label, data: rows, backgroundColor: colors[key] }))
    },
    options: {
      ...common,
      scales: { x: { stacked: true, grid: { display: false } }, y: { stacked: true, beginAtZero: true, ticks } },
      plugins: { legend: { position: 'bottom' } },
      onClick: opening(open)
    }
  }
}

/** Open rejected rows by reason. */
export function reasonsChart(reasons, open) {
  return {
    type: 'bar',
    data: {
      labels: reasons.map(({ label }) => label),
      datasets: [
        { label: _t('Rejected Rows'), data: reasons.map(({ rows }) => rows), backgroundColor: colors.rejected }
      ]
    },
    options: {
      ...common,
      indexAxis: 'y',
      scales: { x: { beginAtZero: true, ticks }, y: { grid: { display: false } } },
      plugins: { legend: { display: false } },
      onClick: opening(open)
    }
  }
}

/** Durations of the last batches in seconds. */
export function durationChart(batches, open) {
  return {
    type: 'bar',
    data: {
      labels: batches.map(({ label }) => label),
      datasets: [
        { label: _t('Duration (s)'), data: batches.map(({ seconds }) => seconds), backgroundColor: colors.updated }
      ]
    },
    options: {
      ...common,
      scales: { x: { ticks: { display: false }, grid: { display: false } }, y: { beginAtZero: true, ticks } },
      plugins: { legend: { display: false } },
      onClick: opening(open)
    }
  }
}
