import { SdmkError } from '../sidecar/errors.ts'

/** An option or a control got a value that the simulator cannot use; `field` names it. */
export class SimulatorInputError extends SdmkError {
  readonly code = 'SDMK_SIMULATOR_INPUT'
  readonly field: string

  constructor(field: string, reason: string) {
    super(`${field} ${reason}`)
    this.field = field
  }
}
