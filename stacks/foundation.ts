import { RandomProvider } from "@cdktf/provider-random/lib/provider";
import { TlsProvider } from "@cdktf/provider-tls/lib/provider";
import { Aspects, TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { meshPeers } from "../config/access";
import { LOCATIONS } from "../config/catalog";
import { ROLES } from "../config/roles";
import {
  activeDataCenters,
  loadBalancerAddress,
  loadBalancerType,
  placementGroups,
  quorumMembers,
  Slot,
  slots,
  subnet,
  volumesOf,
} from "../config/topology";
import { ProjectGuard } from "../constructs/gate/project-guard";
import { RemovalGuard } from "../constructs/gate/removal-guard";
import { CertificateAuthority } from "../constructs/identity/certificate-authority";
import { LeafCertificate } from "../constructs/identity/leaf-certificate";
import { SlotKeys } from "../constructs/identity/slot-keys";
import { DnsZone } from "../constructs/network/dns-zone";
import { Ingress } from "../constructs/network/ingress";
import { PlacementGroups } from "../constructs/network/placement-groups";
import { PrimaryAddresses } from "../constructs/network/primary-addresses";
import { PrivateNetwork } from "../constructs/network/private-network";
import { PersistentVolumes } from "../constructs/storage/persistent-volumes";
import { address, terraformData } from "../constructs/terraform";
import { EnvironmentStack, EnvironmentStackProps, STATEFUL_ROLES } from "./environment-stack";
import { addFirewalls } from "./firewalls";
import { SlotOutput, writeDataCenterOutput } from "./foundation-output";

/**
 * What persists: networks, addresses, authorities, keys, volumes, load balancers, DNS. Machines come and go in other stacks.
 *
 * In a protected environment Terraform refuses to destroy any of it.
 */
export class FoundationStack extends EnvironmentStack {
  private readonly network: PrivateNetwork;
  private readonly authority: CertificateAuthority;
  private readonly operator: LeafCertificate;
  private readonly keys: SlotKeys;
  private readonly groups: PlacementGroups;
  private readonly addresses: PrimaryAddresses;
  private readonly volumes: PersistentVolumes;

  constructor(scope: Construct, props: EnvironmentStackProps) {
    super(scope, `${props.environment.name}-foundation`, props);
    new TlsProvider(this, "tls");
    new RandomProvider(this, "random");
    this.network = this.addNetwork();
    this.authority = this.addAuthority();
    this.operator = this.addOperator();
    this.keys = new SlotKeys(this, "slot", this.slots.map(({ name }) => name));
    this.groups = new PlacementGroups(this, "spread", placementGroups(this.environment).map(({ name }) => name), this.labels);
    this.addresses = this.addAddresses();
    this.volumes = this.addVolumes();
    addFirewalls(this, this.environment, this.labels);
    this.addZone(this.addIngress());
    this.environment.dataCenters.forEach(({ location }) => this.writeOutput(location));
    this.guardProject();
    this.guardRemoval();
    if (this.environment.protected) this.protect();
  }

  private get slots(): readonly Slot[] {
    return slots(this.environment);
  }

  private get statefulMachines(): readonly Slot[] {
    return this.slots.filter((slot) => slot.stateful && slot.exists);
  }

  private get persistent() {
    return { labels: this.labels, deleteProtection: this.environment.protected };
  }

  private addNetwork(): PrivateNetwork {
    const { name, network, dataCenters } = this.environment;
    const subnets = dataCenters.map(({ location }) => [location, subnet(this.environment, location)]);
    return new PrivateNetwork(this, "private", {
      ...this.persistent,
      name,
      range: network.range,
      zone: LOCATIONS[dataCenters[0].location].networkZone,
      subnets: Object.fromEntries(subnets),
    });
  }

  private addAuthority(): CertificateAuthority {
    const newest = Math.max(...this.environment.certificateAuthority.trusted);
    return new CertificateAuthority(this, "authority", { name: `${this.environment.name} machines`, newest });
  }

  private get issuer() {
    const { signing, trusted } = this.environment.certificateAuthority;
    return {
      certificate: this.authority.certificate(signing),
      privateKey: this.authority.privateKey(signing),
      trustBundle: trusted.map((generation) => this.authority.certificate(generation)).join(""),
    };
  }

  /** The operator's certificate is as young as the newest generation of any data center. */
  private addOperator(): LeafCertificate {
    const generations = this.environment.dataCenters.map(({ location, generation }) => [location, generation]);
    const renewal = terraformData(this, "generations", { input: Object.fromEntries(generations) });
    return new LeafCertificate(this, "operator", { issuer: this.issuer, commonName: "operator", renewedBy: address(renewal) });
  }

  private addAddresses(): PrimaryAddresses {
    const locations = this.statefulMachines.map(({ name, dataCenter }) => [name, dataCenter]);
    return new PrimaryAddresses(this, "machine", { ...this.persistent, locations: Object.fromEntries(locations) });
  }

  private addVolumes(): PersistentVolumes {
    const volumes = this.statefulMachines.flatMap((slot) =>
      volumesOf(this.environment, slot).map(({ name, sizeGb }) => [
        name,
        { location: slot.dataCenter, sizeGb, machine: slot.name },
      ]),
    );
    const keyGeneration = this.environment.diskKey.generation;
    return new PersistentVolumes(this, "volume", { ...this.persistent, keyGeneration, volumes: Object.fromEntries(volumes) });
  }

  private addIngress(): Ingress {
    const points = this.environment.dataCenters.map(({ location }) => [
      location,
      {
        name: `${this.environment.name}-${location}-ingress`,
        privateAddress: loadBalancerAddress(this.environment, location),
        subnetId: this.network.subnetId(location),
      },
    ]);
    return new Ingress(this, "ingress", {
      ...this.persistent,
      points: Object.fromEntries(points),
      type: loadBalancerType(this.environment),
      selector: `environment=${this.environment.name},role=${ROLES.kubernetesAgent.slug}`,
    });
  }

  /** Only data centers that are there are in DNS. */
  private addZone(ingress: Ingress): void {
    const active = activeDataCenters(this.environment).map(({ location }) => location);
    const members = (role: Slot["role"]) =>
      quorumMembers(this.environment, role)
        .filter(({ dataCenter }) => active.includes(dataCenter))
        .map(({ name }) => this.addresses.address(name));
    const web = active.map((location) => ingress.address(location));
    new DnsZone(this, "zone", {
      ...this.persistent,
      domain: this.environment.domain,
      addresses: { "@": web, "*": web, kubernetes: members("kubernetesServer"), postgres: members("postgres") },
    });
  }

  private writeOutput(location: string): void {
    const here = this.slots.filter(({ dataCenter }) => dataCenter === location);
    const publicAddresses = this.statefulMachines.map(({ name }) => [name, this.addresses.address(name)]);
    const inMesh = this.slots.filter(({ role }) => meshPeers(role).length > 0);
    const meshKeys = inMesh.map(({ name }) => [name, this.keys.wireGuardPublicKey(name)]);
    writeDataCenterOutput(this, location, {
      networkId: this.network.networkId,
      subnetId: this.network.subnetId(location),
      slots: Object.fromEntries(here.map((slot) => [slot.name, this.slotOutput(slot)])),
      publicAddresses: Object.fromEntries(publicAddresses),
      meshKeys: Object.fromEntries(meshKeys),
      issuer: this.issuer,
      operator: this.operator.credentials,
    });
  }

  private slotOutput(slot: Slot): SlotOutput {
    const common = {
      placementGroupId: this.groups.groupId(slot.placementGroup),
      wireGuardPrivateKey: this.keys.wireGuardPrivateKey(slot.name),
      nodePassword: this.keys.password(slot.name),
    };
    if (!slot.stateful || !slot.exists) return common;
    const address = { primaryIpId: this.addresses.addressId(slot.name), publicAddress: this.addresses.address(slot.name) };
    const volumes = volumesOf(this.environment, slot);
    if (volumes.length === 0) return { ...common, ...address };
    const volumeIds = volumes.map(({ name }) => [name, this.volumes.volumeId(name)]);
    const diskKeys = this.environment.diskKey.accepted.map((generation) => [generation, this.volumes.diskKey(slot.name, generation)]);
    return { ...common, ...address, diskKeys: Object.fromEntries(diskKeys), volumeIds: Object.fromEntries(volumeIds) };
  }

  private guardProject(): void {
    const { name } = this.environment;
    const formed = this.resources();
    new ProjectGuard(this, "project", { environment: name, tokenVariable: this.tokenVariable, formed });
  }

  private guardRemoval(): void {
    new RemovalGuard(this, "removal", {
      environment: this.environment.name,
      roles: STATEFUL_ROLES,
      machines: this.statefulMachines.map(({ name }) => name),
    });
  }

  private protect(): void {
    Aspects.of(this).add({
      visit: (node) => {
        if (TerraformResource.isTerraformResource(node)) node.lifecycle = { ...node.lifecycle, preventDestroy: true };
      },
    });
  }

  private resources(): TerraformResource[] {
    return this.node.findAll().filter((node): node is TerraformResource => TerraformResource.isTerraformResource(node));
  }
}
