import { Server } from "@cdktf/provider-hcloud/lib/server";
import { Fn, Lazy, Token } from "cdktf";
import { Construct } from "constructs";
import { BOOTSTRAP_TARGET, renderBootstrapTarget, renderSystemdUnit, SystemdUnit } from "../../render/systemd-unit";
import { toLines } from "../../render/writers";
import {
  BASE_PACKAGES,
  BASE_SYSTEM_UNITS,
  baseSystemFiles,
  BOOT_COMMANDS,
  PACKAGES_FILE,
  RUN_COMMANDS,
  UPGRADES_FILE,
  upgradesFile,
} from "./base-system";
import { HostFile, RUNTIME_DIRECTORY, RuntimeFile, RuntimeValue } from "./host-file";
import { functionArgument, holdsToken } from "./template";
import { composeUserData, FILES_ARCHIVE, HOST_ENV, UserData } from "./user-data";

/** What a host is. */
export interface HostProps {
  /** The host's name, unique in its Hetzner project; at most 63 characters. Changing it replaces the host. */
  readonly name: string;
  /** Hetzner location: `fsn1`. Changing it replaces the host. */
  readonly location: string;
  /** Hetzner server type: `cx23`. Changing it replaces the host; it is never resized by a hard power-off. */
  readonly serverType: string;
  /** Id of the subnet that holds {@link privateAddress}. */
  readonly subnetId: string;
  /** The host's address in the private network. Changing it replaces the host. */
  readonly privateAddress: string;
  /**
   * Hetzner image. Changing it replaces the host.
   *
   * @default "debian-13"
   */
  readonly image?: string;
  /**
   * Id of a primary IPv4 address that outlives the host. Changing it replaces the host.
   *
   * @default - the host gets an address of its own, which goes with it
   */
  readonly primaryIpId?: string;
  /**
   * Id of a spread placement group (at most 10 hosts). Changing it replaces the host: it can't change while that runs.
   *
   * @default - none
   */
  readonly placementGroupId?: string;
  /**
   * Labels; firewalls and load balancers find the host by them. Changing them changes the host in place.
   *
   * @default - none
   */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Something that adds files, units and packages to a host. */
export interface IHostContribution {
  /** Adds what it needs to the host; called once per host. */
  bind(host: Host): void;
}

/**
 * A Debian host that sets itself up from its user_data and is replaced, never changed.
 *
 * Nobody logs in: sshd is masked, root is locked. What the host runs is what was added to it; the bootstrap starts the
 * units in the order that they name. Changing anything that was added replaces the host.
 */
export class Host extends Construct {
  /** The label that changes exactly when the host would be replaced; known at plan time. */
  public static readonly CONFIG_LABEL = "config";

  /** The Hetzner server. */
  public readonly server: Server;
  public readonly name: string;
  /**
   * 16 hex digits over all that replaces this host, known at plan time: what is known at synth and the fingerprints of
   * the rest. A token, so that files can still be added.
   */
  public readonly configDigest = Lazy.stringValue({ produce: () => this.digest() });

  private readonly files = new Map<string, HostFile>();
  private readonly units: SystemdUnit[] = [];
  private readonly packages = new Set<string>();
  private readonly heldPackages = new Set<string>();
  private readonly runtimeFiles = new Map<string, RuntimeFile>();
  private readonly runtimeValues = new Map<string, RuntimeValue>();
  private readonly image: string;
  private readonly location: string;
  private composed?: UserData;
  private digested?: string;

  constructor(scope: Construct, id: string, props: HostProps) {
    super(scope, id);
    this.name = props.name;
    baseSystemFiles().forEach((file) => this.addFile(file));
    BASE_SYSTEM_UNITS.forEach((unit) => this.addUnit(unit));
    this.addPackage(...BASE_PACKAGES);
    this.image = props.image ?? "debian-13";
    this.location = props.location;
    // what the provider would change in place by a hard power-off, or not at all; being in user_data, it replaces the host
    this.addValue({ name: "SERVER_TYPE", value: props.serverType, maxBytes: 16 });
    this.addValue({ name: "PRIMARY_IP_ID", value: props.primaryIpId ?? "", maxBytes: 16 });
    this.addValue({ name: "PLACEMENT_GROUP_ID", value: props.placementGroupId ?? "", maxBytes: 16 });
    this.server = new Server(this, "Resource", {
      name: props.name,
      location: props.location,
      serverType: props.serverType,
      image: this.image,
      // a type change replaces the host; should the provider ever resize one in place, its disk must stay as it is
      keepDisk: true,
      userData: Lazy.stringValue({ produce: () => this.userData.template }),
      labels: { ...props.labels, [Host.CONFIG_LABEL]: this.configDigest },
      placementGroupId: optionalNumber(props.placementGroupId),
      publicNet: [{ ipv4Enabled: true, ipv4: optionalNumber(props.primaryIpId), ipv6Enabled: false }],
      // without an explicit empty list the provider plans to re-attach the network at every apply
      network: [{ subnetId: props.subnetId, ip: props.privateAddress, aliasIps: [] }],
    });
    this.node.addValidation({ validate: () => this.problems() });
  }

  /** Everything that was added, composed; the host is closed for additions from the first time that this is asked. */
  public get userData(): UserData {
    this.composed ??= composeUserData({
      hostname: this.name,
      files: [...this.files.values(), ...this.renderedFiles()],
      runtimeFiles: [...this.runtimeFiles.values()],
      runtimeValues: [...this.runtimeValues.values()],
      bootCommands: BOOT_COMMANDS,
      runCommands: RUN_COMMANDS,
    });
    return this.composed;
  }

  /**
   * Adds a file that is wholly known at synth.
   *
   * @throws Error when the path is taken, not absolute, or below `/run`, or when the content holds a Terraform value.
   */
  public addFile(file: HostFile): void {
    if (!file.path.startsWith("/")) throw this.error(`file '${file.path}': the path must be absolute`);
    if (file.path.startsWith("/run/")) throw this.error(`file '${file.path}': /run is empty after a reboot; use addRuntimeFile`);
    if ([file.path, file.owner ?? "", file.mode ?? "", file.content].some(holdsToken)) {
      throw this.error(`file '${file.path}' holds a value that only Terraform knows; use addRuntimeFile or addValue`);
    }
    this.claim(file.path);
    this.files.set(file.path, file);
  }

  /**
   * Adds a file whose content only Terraform knows. It lives in memory and is fetched again at each boot.
   *
   * @throws Error when the path is taken or not below `/run/triplicate`.
   */
  public addRuntimeFile(file: RuntimeFile): void {
    if (!file.path.startsWith(`${RUNTIME_DIRECTORY}/`)) {
      throw this.error(`runtime file '${file.path}': the path must be below ${RUNTIME_DIRECTORY}`);
    }
    this.claim(file.path);
    this.runtimeFiles.set(file.path, file);
  }

  /**
   * Adds a line to `/run/triplicate/host.env`.
   *
   * @throws Error when the name is taken.
   */
  public addValue(value: RuntimeValue): void {
    this.assertOpen();
    if (this.runtimeValues.has(value.name)) throw this.error(`value '${value.name}' was added before`);
    this.runtimeValues.set(value.name, value);
  }

  /**
   * Adds a systemd unit that the bootstrap starts.
   *
   * @throws Error when a unit of that name was added before, or when it holds a Terraform value.
   */
  public addUnit(unit: SystemdUnit): void {
    if (holdsToken(JSON.stringify(unit))) {
      throw this.error(`unit '${unit.name}' holds a value that only Terraform knows; use addValue and EnvironmentFile=`);
    }
    this.claim(unitPath(unit.name));
    this.units.push(unit);
  }

  /** Adds Debian packages; all of them are installed in one transaction. A name that was added before is fine. */
  public addPackage(...names: string[]): void {
    this.assertOpen();
    names.forEach((name) => this.packages.add(name));
  }

  /** Adds Debian packages that only a new host brings up to date: unattended upgrades leave them alone. */
  public addHeldPackage(...names: string[]): void {
    this.addPackage(...names);
    names.forEach((name) => this.heldPackages.add(name));
  }

  /** Adds what a contribution consists of. */
  public add(contribution: IHostContribution): void {
    contribution.bind(this);
  }

  /** Made once: CDKTF asks for it in each of its passes, and each of its expressions captures a stack trace. */
  private digest(): string {
    if (this.digested !== undefined) return this.digested;
    const fingerprints = [...this.runtimeFiles.values(), ...this.runtimeValues.values()].flatMap((item) => fingerprint(item));
    const all = Fn.sha256(Fn.join("\n", [this.userData.digest, this.image, this.location, ...fingerprints].map(functionArgument)));
    this.digested = Token.asString(Fn.substr(fingerprints.length === 0 ? all : Fn.nonsensitive(all), 0, 16));
    return this.digested;
  }

  private renderedFiles(): HostFile[] {
    const names = this.units.map((unit) => unit.name);
    return [
      ...this.units.map((unit) => ({ path: unitPath(unit.name), content: renderSystemdUnit(unit) })),
      { path: unitPath(BOOTSTRAP_TARGET), content: renderBootstrapTarget(names) },
      { path: PACKAGES_FILE, content: toLines([...this.packages].sort()) },
      upgradesFile([...this.heldPackages].sort()),
    ];
  }

  private claim(path: string): void {
    this.assertOpen();
    const taken =
      RENDERED.includes(path) || this.files.has(path) || this.runtimeFiles.has(path) || this.units.some(({ name }) => unitPath(name) === path);
    if (taken) throw this.error(`file '${path}' was added before; every path has one owner`);
  }

  private assertOpen(): void {
    if (this.composed) throw this.error("its user_data was read already; add to a host before that");
  }

  /** Units that name a predecessor which nobody added would never start. */
  private problems(): string[] {
    const names = new Set(this.units.map((unit) => unit.name));
    return this.units.flatMap((unit) =>
      (unit.after ?? [])
        .filter((name) => name.startsWith("triplicate-") && !names.has(name))
        .map((name) => `host '${this.name}': unit '${unit.name}' waits for '${name}', which was never added`),
    );
  }

  private error(message: string): Error {
    return new Error(`host '${this.name}': ${message}`);
  }
}

function optionalNumber(token: string | undefined): number | undefined {
  return token === undefined ? undefined : Token.asNumber(token);
}

function unitPath(name: string): string {
  return `/etc/systemd/system/${name}`;
}

/** What a host renders itself. */
const RENDERED: readonly string[] = [unitPath(BOOTSTRAP_TARGET), PACKAGES_FILE, UPGRADES_FILE, HOST_ENV, FILES_ARCHIVE];

function fingerprint(item: RuntimeFile | RuntimeValue): string[] {
  if (item.fingerprint !== undefined) return [item.fingerprint];
  return "value" in item ? [item.value] : [];
}
