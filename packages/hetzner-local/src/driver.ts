/**
 * What a server of the local cloud *does* is a driver's business.
 *
 * The API keeps the records (names, ids, addresses, attachments) and calls the driver when something would happen to the
 * real machine. A call that rejects makes the API's action fail with code `action_failed` and the driver's message.
 */

/** A volume as a machine sees it. */
export interface DriverVolume {
  /** Hetzner's id; the machine finds the disk at `/dev/disk/by-id/scsi-0HC_Volume_<id>`. */
  readonly id: number;
  readonly name: string;
  readonly sizeGb: number;
}

/** A private network interface as a machine and its metadata service see it. */
export interface DriverNic {
  readonly networkId: number;
  readonly networkName: string;
  /** CIDR of the whole network: what a machine routes to `gateway`. */
  readonly networkRange: string;
  /** CIDR of the subnet that the address is from. */
  readonly subnetRange: string;
  /** The first address of the network, for all of its subnets. */
  readonly gateway: string;
  readonly address: string;
  readonly macAddress: string;
}

/** A kind of inbound traffic that passes a server's firewalls. */
export interface DriverFirewallRule {
  readonly protocol: "tcp" | "udp" | "icmp";
  /** One port (`80`) or a range (`80-85`); `any` of the API comes as `1-65535`. Missing for icmp only. */
  readonly port?: string;
  /** CIDRs, of IPv4 and IPv6. */
  readonly sources: readonly string[];
}

/** Everything a driver may know of a server when it acts on it. */
export interface DriverServer {
  readonly id: number;
  readonly name: string;
  /** Names the project (Hetzner's unit of isolation); two projects never share machines or networks. */
  readonly project: string;
  readonly location: string;
  readonly serverType: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The exact user_data, as the API received it. */
  readonly userData: string;
  readonly publicIpv4?: string;
  readonly privateNics: readonly DriverNic[];
  readonly volumes: readonly DriverVolume[];
}

/** What a driver does with servers; `none` does nothing, others simulate or boot them. */
export interface ServerDriver {
  /** What is real and what is simulated, in one line: printed by whoever shows results. */
  readonly describes: string;
  /** The server was created and is switched on: called before its NICs and volumes are attached, as on Hetzner. */
  create(server: DriverServer): Promise<void>;
  /** The server is gone for good; its root disk with it. */
  delete(server: DriverServer): Promise<void>;
  powerOn(server: DriverServer): Promise<void>;
  powerOff(server: DriverServer): Promise<void>;
  /** ACPI shutdown: resolves when the machine is off; a machine that ignores it rejects. */
  shutdown(server: DriverServer): Promise<void>;
  reboot(server: DriverServer): Promise<void>;
  attachVolume(server: DriverServer, volume: DriverVolume): Promise<void>;
  detachVolume(server: DriverServer, volume: DriverVolume): Promise<void>;
  attachNic(server: DriverServer, nic: DriverNic): Promise<void>;
  detachNic(server: DriverServer, nic: DriverNic): Promise<void>;
  /**
   * Other firewall rules apply to the server from now on. Only called where they differ from what was told last.
   *
   * A machine that was just created has no firewall. On Hetzner a label selector takes a server up only after its creation, so it
   * is `create` first and then this, within the same action: in between everything passes. Later calls follow changes of rules,
   * of what a firewall is applied to, and of the server's labels; never two at once for one server.
   *
   * @param rules What may come in at the public interface, of all firewalls that apply, together; all else is dropped. Private
   * networks are never filtered. `undefined`: no firewall applies, everything passes. Rules for esp and gre, and outbound ones, are left out.
   */
  updateFirewalls?(server: DriverServer, rules: readonly DriverFirewallRule[] | undefined): Promise<void>;
  /**
   * A volume grows.
   *
   * @param server The machine that sees it; `undefined` where it is attached to none.
   * @param volume With its new size.
   */
  resizeVolume?(server: DriverServer | undefined, volume: DriverVolume): Promise<void>;
  /** A volume is gone for good, and what was on it. It was detached before, or never attached. */
  deleteVolume?(volume: DriverVolume): Promise<void>;
  /** A control asked the machine to misbehave; the API passes it on without understanding it. */
  control?(serverName: string, behaviour: Readonly<Record<string, unknown>>): Promise<void>;
  /** The API stops: end every machine. */
  close(): Promise<void>;
}
