import { onWillUnmount } from '@odoo/owl'
import { useService } from '@web/core/utils/hooks'

/** A screen reloads at most once in this time, however many changes arrive. */
const PAUSE_MS = 1000

/**
 * Calls `reload` after the sidecar has changed records that the component shows.
 *
 * @param {(change: { model: string, ids: number[] | null }) => boolean} concerns returns whether a change is shown here; `ids`
 *     is null if there are many
 * @param {() => Promise<void>} reload
 */
export function useLiveReload(concerns, reload) {
  const bus = useService('bus_service')
  let timer = null
  let running = false
  let again = false

  async function run() {
    timer = null
    if (running) {
      again = true
      return
    }
    running = true
    try {
      await reload()
    } finally {
      running = false
      if (again) {
        again = false
        plan()
      }
    }
  }

  function plan() {
    timer ??= setTimeout(run, PAUSE_MS)
  }

  const listener = change => concerns(change) && plan()
  bus.subscribe('sdmk.mirror/changed', listener)
  bus.start()
  onWillUnmount(() => {
    bus.unsubscribe('sdmk.mirror/changed', listener)
    clearTimeout(timer)
    again = false
  })
}
