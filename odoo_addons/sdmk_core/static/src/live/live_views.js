import { registry } from '@web/core/registry'
import { formView } from '@web/views/form/form_view'
import { kanbanView } from '@web/views/kanban/kanban_view'
import { listView } from '@web/views/list/list_view'
import { useLiveReload } from './use_live_reload'

/** Makes a list or board of mirrored records reload after any of them has changed. */
const liveMany = Controller =>
  class extends Controller {
    setup() {
      super.setup()
      useLiveReload(
        ({ model }) => model === this.props.resModel,
        // A reload would clear the user's selection.
        async () => this.model.root.selection?.length || (await this.model.load())
      )
    }
  }

class LiveFormController extends formView.Controller {
  setup() {
    super.setup()
    useLiveReload(
      ({ model, ids }) => model === this.props.resModel && (ids === null || ids.includes(this.model.root.resId)),
      async () => (await this.model.root.isDirty()) || (await this.model.root.load())
    )
  }
}

const views = registry.category('views')
views.add('sdmk_live_list', { ...listView, Controller: liveMany(listView.Controller) })
views.add('sdmk_live_kanban', { ...kanbanView, Controller: liveMany(kanbanView.Controller) })
views.add('sdmk_live_form', { ...formView, Controller: LiveFormController })
