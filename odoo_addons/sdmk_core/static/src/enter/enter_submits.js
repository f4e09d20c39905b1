import { registry } from '@web/core/registry'

/** Lines of text in our dialogs: reasons, and whatever our own dialogs ask for beside them. */
const lines = '.modal .o_field_widget[name="reason"] input, .modal input[id^="sdmk_"]:not([type="file"])'
const mainButton = '.modal-footer button.btn-primary, .modal-footer button.btn-danger'

/** Enter in a reason presses the main button of its dialog, as it does in any form of the web. */
function submitOnEnter(event) {
  if (event.key !== 'Enter' || event.isComposing || event.defaultPrevented || !event.target.matches?.(lines)) return
  const button = event.target.closest('.modal').querySelector(mainButton)
  if (!button) return
  event.preventDefault()
  // The last letter may enable the button only once the dialog is drawn anew, which is in the next frame.
  requestAnimationFrame(() => requestAnimationFrame(() => button.click()))
}

registry.category('services').add('sdmk_enter_submits', {
  start: () => document.addEventListener('keydown', submitOnEnter)
})
