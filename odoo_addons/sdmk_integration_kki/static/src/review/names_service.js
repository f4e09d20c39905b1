import { registry } from '@web/core/registry'

/** The sidecar returns the names of no more rows in one answer. */
const MOST = 100

/**
 * Reads the present names in rejected rows from the sidecar. Cells of a list that are rendered together share a request, and
 * the list does not wait for it.
 */
export const rejectionNames = {
  dependencies: ['orm'],
  start(_env, { orm }) {
    let waiting = new Map()

    async function ask(batch) {
      const ids = [...batch.keys()]
      for (let start = 0; start < ids.length; start += MOST) {
        const part = ids.slice(start, start + MOST)
        try {
          const items = await orm.silent.call('sdmk.rejection', 'get_names', [part])
          const found = new Map(items.map(item => [item.id, item]))
          for (const id of part) batch.get(id).resolve(found.get(id) ?? null)
        } catch {
          // The list shows the rows without names.
          for (const id of part) batch.get(id).resolve(null)
        }
      }
    }

    return {
      get(id) {
        if (waiting.size === 0) {
          setTimeout(() => {
            const batch = waiting
            waiting = new Map()
            ask(batch)
          })
        }
        if (!waiting.has(id)) waiting.set(id, Promise.withResolvers())
        return waiting.get(id).promise
      }
    }
  }
}

registry.category('services').add('sdmk_rejection_names', rejectionNames)
