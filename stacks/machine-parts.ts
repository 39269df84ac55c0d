import { meshPeers, WIREGUARD_PORT } from "../config/access";
import { Environment } from "../config/environment";
import { Role } from "../config/roles";
import { Slot, slots, smallestMemoryMiB, volumesOf } from "../config/topology";
import { DockerHost } from "../constructs/docker/docker-host";
import { IHostContribution } from "../constructs/host/host";
import { KernelProfile } from "../constructs/kernel/kernel-profile";
import { HostFirewall } from "../constructs/network/host-firewall";
import { EncryptedVolumes } from "../constructs/storage/encrypted-volumes";
import { WireGuardMesh } from "../constructs/wireguard/wireguard-mesh";
import { hostRules } from "./firewalls";
import { DataCenterReader } from "./foundation-output";

/** What a machine of a slot consists of, beside what every host has. */
export function machineParts(environment: Environment, slot: Slot, foundation: DataCenterReader): IHostContribution[] {
  const { range, dockerRange } = environment.network;
  return [
    new HostFirewall({ privateRange: range, rules: hostRules(environment, slot.role) }),
    kernelProfile(environment, slot.role),
    ...mesh(environment, slot, foundation),
    ...volumes(environment, slot, foundation),
    ...(slot.role === "worker" ? [new DockerHost({ addressRange: dockerRange })] : []),
  ];
}

function kernelProfile(environment: Environment, role: Role): KernelProfile {
  const profiles: Readonly<Record<Role, () => KernelProfile>> = {
    kubernetesServer: () => KernelProfile.kubernetesNode(),
    kubernetesAgent: () => KernelProfile.kubernetesNode(),
    postgres: () => KernelProfile.postgres({ memoryMiB: smallestMemoryMiB(environment.pools.postgres) }),
    worker: () => KernelProfile.dockerHost(),
    backup: () => KernelProfile.base(),
  };
  return profiles[role]();
}

function mesh(environment: Environment, slot: Slot, foundation: DataCenterReader): WireGuardMesh[] {
  const roles = meshPeers(slot.role);
  if (roles.length === 0) return [];
  const peers = slots(environment).filter(({ role }) => roles.includes(role));
  return [
    new WireGuardMesh({
      port: WIREGUARD_PORT,
      privateRange: environment.network.range,
      meshRange: environment.network.wireGuardRange,
      peers: peers.map(({ name, wireGuardAddress }) => ({ address: wireGuardAddress, publicKey: foundation.meshKey(name) })),
      privateKey: foundation.wireGuardPrivateKey(slot.name),
      publicKey: foundation.meshKey(slot.name),
    }),
  ];
}

function volumes(environment: Environment, slot: Slot, foundation: DataCenterReader): EncryptedVolumes[] {
  const all = volumesOf(environment, slot);
  if (all.length === 0) return [];
  const names = [...new Set(all.map(({ volume }) => volume.name))];
  const diskKeys = environment.diskKey.accepted.map((generation) => [generation, foundation.diskKey(slot.name, generation)]);
  return [
    new EncryptedVolumes({
      volumes: names.map((name) => {
        const disks = all.filter(({ volume }) => volume.name === name);
        return { name, volumeIds: disks.map((disk) => foundation.volumeId(slot.name, disk.name)) };
      }),
      diskKeys: Object.fromEntries(diskKeys),
    }),
  ];
}
