import { _t } from '@web/core/l10n/translation'
import { registry } from '@web/core/registry'
import { ReasonDialog } from './reason_dialog'

/** The last reason in this window, offered again because consecutive rows often have the same reason. */
let lastReason = ''

/**
 * Asks why rows are dismissed, and dismisses them.
 *
 * @param {object} env
 * @param {number[]} ids
 * @param {() => unknown} done
 */
export function dismiss(env, ids, done) {
  env.services.dialog.add(ReasonDialog, {
    title: _t('Dismiss'),
    text: _t(
      'Rows: %s. Dismissed rows leave the queue. They come back when KKI sends them with another content.',
      ids.length
    ),
    reason: lastReason,
    confirm: async reason => {
      await env.services.orm.call('sdmk.rejection', 'dismiss', [ids, reason])
      lastReason = reason
      await done()
    }
  })
}

/** Not awaited: the rows are dismissed even if the list cannot be reloaded. */
const reload = env => void env.services.action.doAction({ type: 'ir.actions.client', tag: 'soft_reload' })

const actions = registry.category('actions')
actions.add('sdmk_dismiss', (env, { params }) => dismiss(env, params.ids, () => reload(env)))
actions.add('sdmk_dismiss_by_rule', (env, { params }) => {
  env.services.dialog.add(ReasonDialog, {
    title: _t('Dismiss'),
    text: _t('All open rows of this list with one reason are dismissed, also those on other pages. Urgent rows stay.'),
    rules: params.rules,
    most: params.most,
    reason: lastReason,
    confirm: async (reason, { domain }) => {
      const dismissed = await env.services.orm.call('sdmk.rejection', 'dismiss_by_rule', [domain, reason])
      lastReason = reason
      env.services.notification.add(_t('Dismissed rows: %s.', dismissed), { type: 'success' })
      reload(env)
    }
  })
})
