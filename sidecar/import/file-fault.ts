/** A file cannot be read. It does not know the file's name. `reason` holds nothing of what the file says. */
export class FileFault extends Error {
  /** Such as "line 3, column "nik""; `null` where the whole file is meant. */
  readonly place: string | null
  readonly reason: string

  constructor(place: string | null, reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.place = place
    this.reason = reason
  }
}
