/** What tests may do to the cloud: take things away, make requests fail, read what was asked. */
import { ApiError } from "./errors";
import type { Json } from "./model";

/** An error that the API shall answer instead of acting. */
export interface Fault {
  /** HTTP method. @default any */
  readonly method?: string;
  /** Regular expression on the path without query, e.g. `^/v1/servers$`. */
  readonly pathPattern: string;
  /** HTTP status. @default 503 */
  readonly status?: number;
  /** Hetzner's error code, e.g. `rate_limit_exceeded` (which clients retry). @default "unavailable" */
  readonly code?: string;
  /** How many requests fail. @default 1 */
  readonly times?: number;
}

/** A request that would change something, as it was received. */
export interface LoggedRequest {
  readonly method: string;
  /** With `/v1`, without query. */
  readonly path: string;
  readonly project: string;
  /** Without `user_data`, which is long and holds secrets. */
  readonly body: Json;
  /** HTTP status of the answer; 0 while there is none. */
  status: number;
}

/** The switches and the log of one instance. */
export class Controls {
  private readonly missingLocations = new Set<string>();
  private readonly missingTypes = new Set<string>();
  private faults: { fault: Fault; pattern: RegExp; left: number }[] = [];
  private log: LoggedRequest[] = [];

  /** A location without room: existing servers stay, new ones are refused with `resource_unavailable`. */
  setLocationAvailable(location: string, isAvailable: boolean): void {
    setPresent(this.missingLocations, location, !isAvailable);
  }

  /** A server type that is sold out in one location. */
  setServerTypeAvailable(serverType: string, location: string, isAvailable: boolean): void {
    setPresent(this.missingTypes, `${serverType}/${location}`, !isAvailable);
  }

  isLocationAvailable(location: string): boolean {
    return !this.missingLocations.has(location);
  }

  isServerTypeAvailable(serverType: string, location: string): boolean {
    return this.isLocationAvailable(location) && !this.missingTypes.has(`${serverType}/${location}`);
  }

  addFault(fault: Fault): void {
    this.faults.push({ fault, pattern: new RegExp(fault.pathPattern), left: fault.times ?? 1 });
  }

  /** The error that a fault wants for this request, counting it; faults act in the order they were added. */
  takeFault(method: string, path: string): ApiError | undefined {
    const hit = this.faults.find(({ fault, pattern }) => (fault.method ?? method) === method && pattern.test(path));
    if (hit === undefined) return undefined;
    hit.left -= 1;
    if (hit.left <= 0) this.faults = this.faults.filter((item) => item !== hit);
    const { status = 503, code = "unavailable" } = hit.fault;
    return new ApiError(status, code, `fault injected by control: ${method} ${path}`);
  }

  logRequest(method: string, path: string, project: string, body: Json): LoggedRequest {
    const shown = Object.fromEntries(Object.entries(body).filter(([key]) => key !== "user_data"));
    const entry = { method, path, project, body: shown, status: 0 };
    this.log.push(entry);
    return entry;
  }

  requests(): readonly LoggedRequest[] {
    return [...this.log];
  }

  clearRequests(): void {
    this.log = [];
  }
}

function setPresent(set: Set<string>, item: string, isPresent: boolean): void {
  if (isPresent) set.add(item);
  else set.delete(item);
}
