/**
 * Returns the action that opens the form of one record.
 *
 * @param {string} model
 * @param {number} id
 */
export function formOf(model, id) {
  return { type: 'ir.actions.act_window', res_model: model, res_id: id, views: [[false, 'form']] }
}
