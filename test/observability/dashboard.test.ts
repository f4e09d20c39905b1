import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { parser } from '@grafana/lezer-logql'
import { parse } from 'yaml'
import { dashboard, panels, queries } from './helpers/dashboard.ts'
import { shipped } from './helpers/monitoring.ts'

const read = (file: string) => readFileSync(path.join(shipped, file), 'utf8')
const sources = (
  parse(read('grafana/provisioning/datasources/datasources.yml')) as {
    datasources: { uid: string; type: string; jsonData: { derivedFields?: { url: string }[] } }[]
  }
).datasources
/** Everything of ours that leads somewhere. */
const everything = [
  read('grafana/dashboards/integrasi-kki.json'),
  read('prometheus/rules/alerts.yml'),
  read('grafana/provisioning/datasources/datasources.yml')
].join('\n')

describe('the dashboard', () => {
  test('gives each panel its own id, a title and a description', () => {
    const ids = dashboard.panels.map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
    for (const { id, title, description } of panels) {
      assert.match(title, /\S/, String(id))
      assert.match(description ?? '', /\S/, title)
    }
  })

  test('queries only provisioned data sources', () => {
    for (const { targets = [] } of panels) {
      for (const { datasource } of targets) {
        assert.ok(
          sources.some(({ uid, type }) => uid === datasource.uid && type === datasource.type),
          datasource.uid
        )
      }
    }
  })

  test('queries Loki in valid LogQL', () => {
    const logql = queries.filter(({ datasource }) => datasource === 'loki')
    assert.ok(logql.length > 0)
    for (const { expr } of logql) {
      parser.parse(expr.replace('$__auto', '5m')).iterate({
        enter: ({ type, from }) => assert.ok(!type.isError, `${expr}, at ${from}`)
      })
    }
  })

  test('is the target of all links, panels included', () => {
    const links = [...everything.matchAll(/\/d\/([\w-]+)\?viewPanel=(\d+)/g)]
    assert.ok(links.length > 10)
    for (const [link, uid, panel] of links) {
      assert.equal(uid, dashboard.uid, link)
      assert.ok(
        panels.some(({ id }) => id === Number(panel)),
        link
      )
    }
  })

  test('links to existing screens of Odoo', () => {
    const links = [...everything.matchAll(/\/odoo\/action-(\w+)\.(\w+)/g)]
    assert.ok(links.length > 3)
    for (const [link, addon, action] of links) {
      const views = path.join(shipped, '../odoo_addons', addon as string, 'views')
      const file = path.join(views, `${action?.replace(/_action$/, '_views')}.xml`)
      assert.ok(readFileSync(file, 'utf8').includes(`<record id="${action}" model="ir.actions.act_window">`), link)
    }
    const dashboardOfOdoo = read('../odoo_addons/sdmk_integration_kki/views/sdmk_dashboard_views.xml')
    assert.ok(everything.includes('/odoo/sdmk-kki"') && dashboardOfOdoo.includes('<field name="path">sdmk-kki</field>'))
  })
})
