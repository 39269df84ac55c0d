/**
 * What Hetzner sells, as of November 2026: locations, images, load balancer types; server types are in `server-types.ts`.
 *
 * Names, sizes and places follow Hetzner's public pages. The numeric ids are ours (clients use names), prices are left out.
 * @see https://docs.hetzner.com/cloud/general/locations/
 */

export interface Location {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly country: string;
  readonly city: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly network_zone: string;
}

export interface Image {
  readonly id: number;
  readonly name: string;
  readonly flavor: string;
  readonly version: string;
  readonly description: string;
  readonly architecture: Architecture;
}

export interface LoadBalancerType {
  readonly id: number;
  readonly name: string;
  readonly max_connections: number;
  readonly max_services: number;
  readonly max_targets: number;
  readonly max_assigned_certificates: number;
}

export type Architecture = "x86" | "arm";

export const LOCATIONS: readonly Location[] = [
  location(1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47612, 12.370071, "eu-central"),
  location(2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.452102, 11.076665, "eu-central"),
  location(3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.169855, 24.938379, "eu-central"),
  location(4, "ash", "Ashburn, VA", "US", "Ashburn, VA", 39.045821, -77.487073, "us-east"),
  location(5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54222, -122.951924, "us-west"),
  location(6, "sin", "Singapore", "SG", "Singapore", 1.283333, 103.833333, "ap-southeast"),
];

export const IMAGES: readonly Image[] = [
  ["debian", "12", "Debian 12"],
  ["debian", "13", "Debian 13"],
  ["ubuntu", "24.04", "Ubuntu 24.04"],
].flatMap(([flavor, version, description], index) => [
  { id: 301 + 2 * index, name: `${flavor}-${version}`, flavor, version, description, architecture: "x86" as const },
  { id: 302 + 2 * index, name: `${flavor}-${version}`, flavor, version, description, architecture: "arm" as const },
]);

/** @see https://docs.hetzner.com/cloud/load-balancers/overview/ */
export const LOAD_BALANCER_TYPES: readonly LoadBalancerType[] = [
  { id: 1, name: "lb11", max_connections: 10000, max_services: 5, max_targets: 25, max_assigned_certificates: 10 },
  { id: 2, name: "lb21", max_connections: 20000, max_services: 15, max_targets: 75, max_assigned_certificates: 25 },
  { id: 3, name: "lb31", max_connections: 40000, max_services: 30, max_targets: 150, max_assigned_certificates: 50 },
];

/** Finds by id or name, as the API does wherever it takes either. */
export function findByIdOrName<T extends { readonly id: number; readonly name: string }>(items: readonly T[], key: string): T | undefined {
  return items.find((item) => item.name === key || String(item.id) === key);
}

/** A location that exists: for records, which hold only names of known ones. */
export function locationNamed(name: string): Location {
  const found = LOCATIONS.find((item) => item.name === name);
  if (found === undefined) throw new Error(`unknown location '${name}'`);
  return found;
}

function location(
  id: number, name: string, description: string, country: string, city: string, latitude: number, longitude: number, zone: string,
): Location {
  return { id, name, description, country, city, latitude, longitude, network_zone: zone };
}
