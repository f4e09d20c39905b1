/** Statuses of a registration, which are the same in the mapping, the database, the API and Odoo. */

/** Statuses that KKI may state for a registration. */
export const statedStatuses = ['active', 'suspended', 'inactive', 'revoked', 'expired', 'deceased'] as const

/** `replaced` follows from the person's other registrations. `unknown`: KKI has sent no status that the mapping knows. */
export const registrationStatuses = [...statedStatuses, 'replaced', 'unknown'] as const
export type RegistrationStatus = (typeof registrationStatuses)[number]

/** The registration is no longer active. In SQL it is `sdmk.is_deactivated(status)`. */
export const deactivatedStatuses = ['suspended', 'inactive', 'revoked', 'expired', 'deceased'] as const

/** Returns true if a registration of this status is no longer active. */
export function isDeactivated(status: RegistrationStatus): boolean {
  return (deactivatedStatuses as readonly RegistrationStatus[]).includes(status)
}
