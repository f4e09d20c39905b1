/**
 * How requests are checked: text of a query becomes the number that its schema asks for, and a field that a closed
 * schema does not list is an error; by default it would vanish without a word, a misspelt one too.
 */
export const ajvOptions = {
  customOptions: { coerceTypes: 'array', removeAdditional: false, useDefaults: true }
} as const
