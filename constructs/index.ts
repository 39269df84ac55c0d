/**
 * The public entry, and the only one: what another team builds its own stacks from.
 *
 * Environments are not here. They describe this platform, and whoever wants another one forks `config/`; constructs take
 * names, addresses and ids, and know of no environment.
 */
export { HEALTH_PORT } from "../config/access";
export type { SystemdUnit } from "../render/systemd-unit";
export type { KnownMachine, MachineSpec } from "../render/machine";

export { Host } from "./host/host";
export type { HostProps, IHostContribution } from "./host/host";
export type { HostFile, RuntimeFile, RuntimeValue } from "./host/host-file";
export { HealthAgent } from "./host/health-agent";
export type { HealthAgentProps } from "./host/health-agent";
export { escapeTemplate } from "./host/template";
export { USER_DATA_BUDGET_BYTES } from "./host/user-data";
export type { UserData } from "./host/user-data";

export { CertificateAuthority } from "./identity/certificate-authority";
export type { CertificateAuthorityProps } from "./identity/certificate-authority";
export { LeafCertificate } from "./identity/leaf-certificate";
export type { Issuer, LeafCertificateProps } from "./identity/leaf-certificate";
export { MachineIdentity } from "./identity/machine-identity";
export type { Credentials } from "./identity/machine-identity";
export { SlotKeys } from "./identity/slot-keys";

export { KernelProfile } from "./kernel/kernel-profile";
export type { KernelProfileProps, PostgresKernelProps } from "./kernel/kernel-profile";
export type { Sysctl } from "../render/kernel";

export { DockerHost } from "./docker/docker-host";
export type { DockerHostProps } from "./docker/docker-host";

export { DnsZone } from "./network/dns-zone";
export type { DnsZoneProps } from "./network/dns-zone";
export { Firewall } from "./network/firewall";
export type { FirewallProps, InboundRule } from "./network/firewall";
export { HostFirewall } from "./network/host-firewall";
export type { FirewallRule, FirewallSpec } from "../render/nftables";
export { Ingress } from "./network/ingress";
export type { IngressPoint, IngressProps } from "./network/ingress";
export { PlacementGroups } from "./network/placement-groups";
export { PrimaryAddresses } from "./network/primary-addresses";
export type { PrimaryAddressesProps } from "./network/primary-addresses";
export { PrivateNetwork } from "./network/private-network";
export type { PrivateNetworkProps } from "./network/private-network";
export { EncryptedVolumes } from "./storage/encrypted-volumes";
export type { EncryptedVolume, EncryptedVolumesProps } from "./storage/encrypted-volumes";
export { PersistentVolumes } from "./storage/persistent-volumes";
export type { PersistentVolume, PersistentVolumesProps } from "./storage/persistent-volumes";

export { WireGuardMesh } from "./wireguard/wireguard-mesh";
export type { MeshPeer, WireGuardMeshProps } from "./wireguard/wireguard-mesh";

export { Census } from "./gate/census";
export type { CensusProps } from "./gate/census";
export { DestroyGuard } from "./gate/destroy-guard";
export { HealthGate } from "./gate/health-gate";
export type { HealthGateProps } from "./gate/health-gate";
export { LeaveSteps } from "./gate/leave-steps";
export type { LeaveStepsProps, LeavingMachine } from "./gate/leave-steps";
export { ProjectGuard } from "./gate/project-guard";
export type { ProjectGuardProps } from "./gate/project-guard";
export { RemovalGuard } from "./gate/removal-guard";
export type { RemovalGuardProps } from "./gate/removal-guard";
export { ReplacementGuard } from "./gate/replacement-guard";
export type { ReplacementGuardProps } from "./gate/replacement-guard";
export { Switches } from "./gate/switches";
