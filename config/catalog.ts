/**
 * What Hetzner sells and allows, as data: read on 2026-11-22 from the API description (openapi.json, version 5134cbc) and,
 * where that is silent, from the sources named below.
 *
 * Nothing here is asked from the API at synth: a plan must not change because a shop window did. What is sold out today is
 * answered at plan time; this file knows what exists. Prices are left out, they change too often.
 */

import { SERVER_TYPES } from "./server-types";
import type { ServerTypeFacts } from "./server-types";

export { SERVER_TYPES } from "./server-types";
export type { Architecture, ServerTypeFacts } from "./server-types";

/** A Hetzner location. One of ours is one data center: separate power, separate network. */
export type LocationName = "fsn1" | "nbg1" | "hel1" | "ash" | "hil" | "sin";

/** A group of locations that one private network can span. */
export type NetworkZone = "eu-central" | "us-east" | "us-west" | "ap-southeast";

/** What is known about a location. */
export interface LocationFacts {
  /**
   * Its place in the address plan: the /24 of location n is the n-th of the range. Numbers are never reused or moved,
   * whatever order a description lists them in, or a new data center would change addresses in the others.
   */
  readonly number: number;

  /** The network zone it is in. Only eu-central has three locations, so only there can a platform stand today. */
  readonly networkZone: NetworkZone;

  /** Where it stands. */
  readonly city: string;
}

/**
 * Every location.
 *
 * @see https://docs.hetzner.cloud/reference/cloud#networks (table of zones and locations, 2026-11)
 */
export const LOCATIONS: Readonly<Record<LocationName, LocationFacts>> = Object.freeze({
  fsn1: { number: 1, networkZone: "eu-central", city: "Falkenstein" },
  nbg1: { number: 2, networkZone: "eu-central", city: "Nuremberg" },
  hel1: { number: 3, networkZone: "eu-central", city: "Helsinki" },
  ash: { number: 4, networkZone: "us-east", city: "Ashburn" },
  hil: { number: 5, networkZone: "us-west", city: "Hillsboro" },
  sin: { number: 6, networkZone: "ap-southeast", city: "Singapore" },
});

/** The names of all locations, by number. */
export const LOCATION_NAMES: readonly LocationName[] = Object.freeze(Object.keys(LOCATIONS) as LocationName[]);

/** The highest number that a location may ever get: ranges must have a /24 for it. One more than today's six. */
export const HIGHEST_LOCATION_NUMBER = 7;

/** What a load balancer of a type can do. */
export interface LoadBalancerTypeFacts {
  /** Ports that it listens on. */
  readonly services: number;

  /** Machines that it forwards to; label selectors count by what they match. */
  readonly targets: number;

  /** TLS certificates that it holds. */
  readonly certificates: number;
}

/**
 * Load balancer types. lb11 is in the API description; lb21 and lb31 are from memory of Hetzner's product page and not
 * checked against the API. Connection limits are left out: the description's example and the product page differ.
 *
 * @see https://docs.hetzner.cloud/reference/cloud#load-balancer-types
 */
export const LOAD_BALANCER_TYPES: Readonly<Record<string, LoadBalancerTypeFacts>> = Object.freeze({
  lb11: { services: 5, targets: 25, certificates: 10 },
  lb21: { services: 15, targets: 75, certificates: 25 },
  lb31: { services: 30, targets: 150, certificates: 50 },
});

/** Hetzner's limits that a description can run into. */
export const LIMITS = Object.freeze({
  /**
   * Servers and load balancers in one network. Hetzner's network documentation as others quote it; not in the API description.
   *
   * @see https://docs.hetzner.com/cloud/networks/faq
   */
  attachmentsPerNetwork: 100,

  /**
   * Servers in one spread placement group. Hetzner's documentation as others quote it; not in the API description.
   *
   * @see https://docs.hetzner.com/cloud/placement-groups/overview
   */
  serversPerPlacementGroup: 10,

  /** Placement groups in one project; same source as the line above. */
  placementGroupsPerProject: 50,

  /**
   * Volumes attached to one server. Hetzner's documentation as others quote it; not in the API description.
   *
   * @see https://docs.hetzner.com/cloud/volumes/overview
   */
  volumesPerServer: 16,

  /** Smallest volume in GB: API description, `POST /volumes`. */
  volumeMinGb: 10,

  /** Largest volume in GB: API description, `POST /volumes`. */
  volumeMaxGb: 10240,

  /** Bytes of `user_data`, "32KiB": API description, `POST /servers`. */
  userDataBytes: 32768,

  /** Characters of a name: a server's name is a host name, and a DNS label has 63 (RFC 1123). We hold everything to it. */
  nameLength: 63,

  /** Source networks of one firewall rule: API description, `source_ips`. */
  sourcesPerFirewallRule: 100,
} as const);

/** What is known about a server type, or undefined if the catalog does not have it. */
export function findServerType(name: string): ServerTypeFacts | undefined {
  return Object.hasOwn(SERVER_TYPES, name) ? SERVER_TYPES[name] : undefined;
}

/** Whether new machines of this type can be ordered at a location, stock aside. */
export function isSoldAt(name: string, location: LocationName): boolean {
  return findServerType(name)?.soldIn.includes(location) ?? false;
}

/** Whether a text is the name of a location. */
export function isLocationName(name: string): name is LocationName {
  return Object.hasOwn(LOCATIONS, name);
}
