/** Returns the singular or the plural for a count, in English. */
export function plural(count: unknown, one: string, many: string): string {
  return Number(count) === 1 ? one : many
}

/** Returns a count and its noun, such as "1 row" or "2,000 batches"; the plural ends with s unless it is given. */
export function counted(count: unknown, noun: string, many = `${noun}s`): string {
  return `${count} ${plural(count, noun, many)}`
}
