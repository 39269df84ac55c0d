import { VolumeAttachment } from "@cdktf/provider-hcloud/lib/volume-attachment";
import { HttpProvider } from "@cdktf/provider-http/lib/provider";
import { TlsProvider } from "@cdktf/provider-tls/lib/provider";
import { TerraformResource, Token } from "cdktf";
import { Construct } from "constructs";
import { HEALTH_PORT } from "../config/access";
import { DataCenter } from "../config/environment";
import { ROLES } from "../config/roles";
import { activeDataCenters, gateHost, machines, quorumMembers, serverTypesFor, Slot, slots, volumesOf } from "../config/topology";
import { Census } from "../constructs/gate/census";
import { DestroyGuard } from "../constructs/gate/destroy-guard";
import { HealthGate } from "../constructs/gate/health-gate";
import { LeaveSteps, LeavingMachine } from "../constructs/gate/leave-steps";
import { ProjectGuard } from "../constructs/gate/project-guard";
import { ReplacementGuard } from "../constructs/gate/replacement-guard";
import { Switches } from "../constructs/gate/switches";
import { HealthAgent } from "../constructs/host/health-agent";
import { Host } from "../constructs/host/host";
import { LeafCertificate } from "../constructs/identity/leaf-certificate";
import { MachineIdentity } from "../constructs/identity/machine-identity";
import { address, terraformData } from "../constructs/terraform";
import { MachineSpec } from "../render/machine";
import { EnvironmentStack, EnvironmentStackProps, STATEFUL_ROLES } from "./environment-stack";
import { DataCenterReader } from "./foundation-output";
import { machineParts } from "./machine-parts";
import { readState } from "./state";

/** What the stack of one data center is given. */
export interface DataCenterStackProps extends EnvironmentStackProps {
  /** The data center; it must be active. */
  readonly dataCenter: DataCenter;
}

/**
 * The machines of one data center, each with its certificate, its attachments and, if it holds state, its way to leave; and
 * the gate at the end. It can be destroyed and made again at any time: names, addresses, keys and volumes are the foundation's.
 */
export class DataCenterStack extends EnvironmentStack {
  private readonly dataCenter: DataCenter;
  private readonly machines: readonly Slot[];
  private readonly foundation: DataCenterReader;
  private readonly switches: Switches;
  private readonly census: Census;
  private readonly renewal: TerraformResource;
  private readonly hosts = new Map<string, Host>();
  private readonly attachments = new Map<string, TerraformResource[]>();

  constructor(scope: Construct, props: DataCenterStackProps) {
    const { environment, dataCenter } = props;
    super(scope, `${environment.name}-${dataCenter.location}`, props);
    this.dataCenter = dataCenter;
    this.machines = machines(environment, dataCenter.location);
    new TlsProvider(this, "tls");
    new HttpProvider(this, "http");
    const state = readState(this, "foundation", environment, `${environment.name}-foundation`, props.localState);
    this.foundation = new DataCenterReader(state, dataCenter.location);
    this.switches = new Switches(this, "switches", Math.ceil(environment.gate.timeoutSeconds / environment.gate.intervalSeconds));
    this.guardProject();
    this.census = this.addCensus();
    this.renewal = terraformData(this, "generation", { input: dataCenter.generation });
    this.machines.forEach((slot) => this.addMachine(slot));
    this.census.compare([...this.hosts.values()]);
    this.guardReplacement();
    const leave = this.addLeaveSteps();
    const made = [...this.everything(), leave.steps];
    this.addGate(made);
    if (environment.protected) new DestroyGuard(this, "guard", this.node.id, made);
  }

  private guardProject(): void {
    new ProjectGuard(this, "project", {
      environment: this.environment.name,
      tokenVariable: this.tokenVariable,
      networkId: this.foundation.networkId,
    });
  }

  private addCensus(): Census {
    const types = this.machines.map(({ name, role }) => [
      name,
      serverTypesFor(this.environment.pools[role], this.dataCenter.location),
    ]);
    return new Census(this, "census", {
      environment: this.environment.name,
      dataCenter: this.dataCenter.location,
      serverTypes: Object.fromEntries(types),
    });
  }

  private addMachine(slot: Slot): void {
    const host = new Host(this, `host-${slot.name}`, {
      name: slot.name,
      location: slot.dataCenter,
      serverType: this.census.serverType(slot.name),
      image: this.environment.image,
      subnetId: this.foundation.subnetId,
      privateAddress: slot.privateAddress,
      primaryIpId: slot.stateful ? this.foundation.primaryIpId(slot.name) : undefined,
      placementGroupId: this.foundation.placementGroupId(slot.name),
      labels: { ...this.labels, "data-center": slot.dataCenter, role: ROLES[slot.role].slug },
    });
    host.server.overrideLogicalId(slot.name);
    host.add(new HealthAgent({ machine: this.machineSpec(slot), identity: this.identity(slot) }));
    machineParts(this.environment, slot, this.foundation).forEach((part) => host.add(part));
    this.hosts.set(slot.name, host);
    this.attachments.set(slot.name, volumesOf(this.environment, slot).map(({ name }) => this.attach(slot, host, name)));
  }

  private identity(slot: Slot): MachineIdentity {
    const { issuer } = this.foundation;
    const leaf = new LeafCertificate(this, slot.name, {
      issuer,
      commonName: slot.name,
      addresses: [slot.privateAddress, ...(slot.stateful ? [this.foundation.publicAddress(slot.name)] : [])],
      renewedBy: address(this.renewal),
    });
    return new MachineIdentity(leaf.credentials, issuer.certificate);
  }

  /** It knows every slot of its data center and every quorum slot, whether a machine is in it or not. */
  private machineSpec(slot: Slot): MachineSpec {
    const known = slots(this.environment)
      .filter((other) => other.dataCenter === slot.dataCenter || other.quorum)
      .map((other) => [
        other.name,
        { address: other.privateAddress, dataCenter: other.dataCenter, role: ROLES[other.role].slug, quorum: other.quorum },
      ]);
    return {
      environment: this.environment.name,
      name: slot.name,
      dataCenter: slot.dataCenter,
      role: ROLES[slot.role].slug,
      quorum: slot.quorum,
      address: slot.privateAddress,
      port: HEALTH_PORT,
      generation: this.dataCenter.generation,
      machines: Object.fromEntries(known),
    };
  }

  private attach(slot: Slot, host: Host, volume: string): TerraformResource {
    const attachment = new VolumeAttachment(this, `volume-${volume}`, {
      volumeId: Token.asNumber(this.foundation.volumeId(slot.name, volume)),
      serverId: Token.asNumber(host.server.id),
      automount: false,
    });
    attachment.overrideLogicalId(volume);
    return attachment;
  }

  private guardReplacement(): void {
    const { dataCenters } = this.environment;
    const others = activeDataCenters(this.environment).filter(({ location }) => location !== this.dataCenter.location);
    new ReplacementGuard(this, "replacement", {
      dataCenter: this.dataCenter.location,
      census: this.census,
      others: Object.fromEntries(others.map(({ location }) => [location, this.gateAddress(location)])),
      lost: dataCenters.filter(({ state }) => state === "lost").map(({ location }) => location),
      quorumMembers: this.machines.filter(({ quorum }) => quorum).map(({ name }) => name),
      keptRoles: this.environment.protected ? STATEFUL_ROLES : [],
      operator: this.foundation.operator,
      switches: this.switches,
    });
  }

  private addLeaveSteps(): LeaveSteps {
    const stateful = this.machines.filter((slot) => slot.stateful);
    return new LeaveSteps(this, "leaving", {
      machines: stateful.map((slot) => this.leaving(slot)),
      operator: this.foundation.operator,
      after: this.everything(),
    });
  }

  private leaving(slot: Slot): LeavingMachine {
    const members = quorumMembers(this.environment, slot.role).filter(({ name }) => name !== slot.name);
    return {
      name: slot.name,
      address: this.foundation.publicAddress(slot.name),
      quorum: slot.quorum,
      members: members.map(({ name }) => ({ name, address: this.foundation.publicAddress(name) })),
      replacedWith: [
        this.hosts.get(slot.name)!.server.id,
        ...this.attachments.get(slot.name)!.map((attachment) => attachment.getStringAttribute("id")),
      ],
    };
  }

  private addGate(after: readonly TerraformResource[]): void {
    const { environment } = this;
    const active = activeDataCenters(environment).map(({ location }) => location);
    const isLast = active.at(-1) === this.dataCenter.location;
    const cluster = slots(environment).filter((slot) => slot.quorum && slot.exists && active.includes(slot.dataCenter));
    new HealthGate(this, "health", {
      dataCenter: this.dataCenter.location,
      address: this.gateAddress(this.dataCenter.location),
      members: this.machines.map(({ name }) => name),
      cluster: isLast ? cluster.map(({ name }) => name) : undefined,
      operator: this.foundation.operator,
      intervalSeconds: environment.gate.intervalSeconds,
      census: this.census,
      switches: this.switches,
      after,
    });
  }

  private gateAddress(location: DataCenter["location"]): string {
    return this.foundation.publicAddress(gateHost(this.environment, location).name);
  }

  private everything(): TerraformResource[] {
    return [...this.hosts.values()].map((host): TerraformResource => host.server).concat([...this.attachments.values()].flat());
  }
}
