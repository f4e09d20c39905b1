import { registry } from '@web/core/registry'

/** Single-line inputs in our dialogs: the reason, and other fields of our own dialogs. */
const lines = '.modal .o_field_widget[name="reason"] input, .modal input[id^="sdmk_"]:not([type="file"])'
const mainButton = '.modal-footer button.btn-primary, .modal-footer button.btn-danger'

/** Makes Enter press the main button of the dialog, as in any web form. */
function submitOnEnter(event) {
  if (event.key !== 'Enter' || event.isComposing || event.defaultPrevented || !event.target.matches?.(lines)) return
  const button = event.target.closest('.modal').querySelector(mainButton)
  if (!button) return
  event.preventDefault()
  // The last letter may enable the button only when the dialog is rendered again, in the next frame.
  requestAnimationFrame(() => requestAnimationFrame(() => button.click()))
}

registry.category('services').add('sdmk_enter_submits', {
  start: () => document.addEventListener('keydown', submitOnEnter)
})
