/**
 * The API's errors: a code that clients act upon, its HTTP status, a message for people.
 *
 * Codes are those of the reference and of hcloud-go's `error.go`. The reference gives the status only for some; those marked
 * `?` follow the general table and are not certain. Clients look at the code.
 */

const STATUS = {
  json_error: 400,
  unauthorized: 401,
  resource_limit_exceeded: 403, // ?
  not_found: 404,
  firewall_resource_not_found: 404,
  uniqueness_error: 409,
  conflict: 409,
  resource_unavailable: 412, // ? "error during placement": a location or a type has no room
  invalid_input: 422,
  service_error: 422, // ?
  placement_error: 422, // ?
  resource_in_use: 422,
  must_be_unassigned: 422,
  unsupported_error: 422,
  server_not_stopped: 422,
  server_already_attached: 422,
  server_already_added: 422,
  invalid_server_type: 422,
  networks_overlap: 422,
  ip_not_available: 422,
  no_subnet_available: 422,
  primary_ip_assigned: 422,
  primary_ip_already_assigned: 422,
  primary_ip_datacenter_mismatch: 422,
  primary_ip_version_mismatch: 422,
  server_has_ipv4: 422,
  server_has_ipv6: 422,
  volume_already_attached: 422, // ?
  firewall_already_applied: 422,
  firewall_managed_by_label_selector: 422,
  private_net_only_server: 422,
  invalid_load_balancer_type: 422,
  source_port_already_used: 422,
  target_already_defined: 422,
  missing_ipv4: 422,
  load_balancer_already_attached: 422,
  load_balancer_not_attached_to_network: 422,
  load_balancer_public_interface_disabled: 422,
  server_not_attached_to_network: 422,
  targets_without_use_private_ip: 422,
  incorrect_zone_mode: 422,
  locked: 423,
  protected: 423,
  server_error: 500,
} as const;

/** A code that this API answers by itself; faults by control may use any other. */
export type ErrorCode = keyof typeof STATUS;

/** An error that becomes the answer `{ error: { code, message, details } }`. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: unknown = null,
  ) {
    super(message);
  }
}

/** The error with the status that belongs to its code. */
export function apiError(code: ErrorCode, message: string, details?: unknown): ApiError {
  return new ApiError(STATUS[code], code, message, details);
}

/** `invalid_input` about one field of the request, in the form that hcloud-go decodes. */
export function invalidInput(field: string, message: string): ApiError {
  const details = { fields: [{ name: field, messages: [message] }] };
  return apiError("invalid_input", `invalid input in field '${field}': ${message}`, details);
}

/** `not_found`, as the API words it. */
export function notFound(kind: string, key: string | number): ApiError {
  return apiError("not_found", `${kind} with ID '${key}' not found`);
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
