/** What every handler works on: the state, the actions, the driver, the controls, and the rules that an instance was started with. */
import type { ActionRunner } from "./actions";
import { publicAddress } from "./addresses";
import { isWithin } from "./cidr";
import { IMAGES } from "./catalog";
import type { Controls } from "./control";
import type { DriverNic, DriverServer, DriverVolume, ServerDriver } from "./driver";
import { apiError } from "./errors";
import type { MachineFirewalls } from "./machine-firewalls";
import type { PrivateNic, Server, Volume } from "./model";
import { gatewayOf } from "./private-net";
import type { Project } from "./project";
import { serverTypeNamed } from "./server-types";
import type { State } from "./state";

/** Asked before a volume leaves a running server: has the machine let go of it? */
export type MayDetach = (server: DriverServer, volume: DriverVolume) => Promise<boolean>;

/** How strict an instance is; see `HetznerLocalOptions`. */
export interface Rules {
  readonly strictVolumes: boolean;
  readonly strictNetworks: boolean;
  readonly mayDetach?: MayDetach;
}

export interface World {
  readonly state: State;
  readonly actions: ActionRunner;
  readonly driver: ServerDriver;
  readonly controls: Controls;
  readonly firewalls: MachineFirewalls;
  readonly rules: Rules;
}

/** The next public IPv4 of this instance. */
export function takePublicIpv4(world: World): string {
  const address = publicAddress(world.state.addresses, world.state.nextAddressIndex());
  if (address === undefined) throw apiError("resource_limit_exceeded", "this instance has no public IPv4 addresses left");
  return address;
}

/** The next IPv6 network: from the documentation prefix, because nothing listens there. */
export function takePublicIpv6(world: World): string {
  return `2001:db8:${(world.state.octet ?? 0).toString(16)}:${(world.state.nextAddressIndex() + 1).toString(16)}::/64`;
}

/** The server as its driver sees it at this moment. */
export function driverServer(project: Project, server: Server): DriverServer {
  const type = serverTypeNamed(server.serverType);
  return {
    id: server.id,
    name: server.name,
    project: project.name,
    location: server.location,
    serverType: server.serverType,
    cores: type.cores,
    memoryGb: type.memory,
    image: IMAGES.find((image) => image.id === server.image)?.name ?? "unknown",
    labels: { ...server.labels },
    userData: server.userData,
    publicIpv4: publicIp(project, server, "ipv4")?.ip,
    privateNics: server.privateNet.map((nic) => driverNic(project, nic)),
    volumes: volumesOf(project, server).map(driverVolume),
  };
}

/** The volume as a driver sees it. */
export function driverVolume(volume: Volume): DriverVolume {
  return { id: volume.id, name: volume.name, sizeGb: volume.size };
}

/** The network interface as a driver sees it. */
export function driverNic(project: Project, { network: networkId, ip: address, macAddress }: PrivateNic): DriverNic {
  const network = project.get("networks", networkId);
  const subnet = network?.subnets.find(({ ipRange }) => isWithin(address, ipRange));
  if (network === undefined || subnet === undefined) throw new Error(`${address} is in no subnet of network ${networkId}`);
  return {
    networkId,
    networkName: network.name,
    networkRange: network.ipRange,
    subnetRange: subnet.ipRange,
    gateway: gatewayOf(network),
    address,
    macAddress,
  };
}

/** The primary IP of a family that is assigned to a server. */
export function publicIp(project: Project, server: Server, type: "ipv4" | "ipv6") {
  return project.all("primary_ips").find((ip) => ip.assignee === server.id && ip.type === type);
}

/** The volumes attached to a server. */
export function volumesOf(project: Project, server: Server): Volume[] {
  return project.all("volumes").filter((volume) => volume.server === server.id);
}

/**
 * Refuses to pull a volume from under a running machine.
 *
 * Hetzner allows it. Here, in strict mode, it needs `mayDetach` to say that the machine has let go: a rehearsal shall find the lost disk.
 * The code is `protected`, not `locked`: the provider would retry the latter for half a minute.
 */
export async function assertMayDetach(world: World, project: Project, server: Server, volume: Volume): Promise<void> {
  const { strictVolumes, mayDetach } = world.rules;
  if (!strictVolumes || server.status === "off") return;
  if (await mayDetach?.(driverServer(project, server), driverVolume(volume))) return;
  throw apiError("protected", `volume '${volume.name}' is in use by running server '${server.name}': it must be released or the server `
    + "stopped first (strict mode of hetzner-local; Hetzner itself would pull it out)");
}
