import { Volume } from "@cdktf/provider-hcloud/lib/volume";
import { Password } from "@cdktf/provider-random/lib/password";
import { TerraformIterator } from "cdktf";
import { Construct } from "constructs";
import { instance } from "../terraform";

/** One Hetzner volume. */
export interface PersistentVolume {
  readonly location: string;
  /** Gigabytes, 10 to 10240. Raising it grows the volume in place; it can't shrink. */
  readonly sizeGb: number;
  /** The name of the machine that it belongs to. */
  readonly machine: string;
}

/** What persistent volumes are. */
export interface PersistentVolumesProps {
  /** The volumes by name. A volume whose name goes is destroyed with its data; where that is prevented, the plan is refused. */
  readonly volumes: Readonly<Record<string, PersistentVolume>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly deleteProtection: boolean;
}

/**
 * Volumes that outlive their machines, and the disk key of each machine that has some. Volume and key belong together: a
 * volume without its key is lost too.
 */
export class PersistentVolumes extends Construct {
  private readonly volumes: Volume;
  private readonly keys: Password;

  constructor(scope: Construct, id: string, props: PersistentVolumesProps) {
    super(scope, id);
    const forEach = TerraformIterator.fromMap({ ...props.volumes });
    this.volumes = new Volume(this, "Resource", {
      forEach,
      name: forEach.key,
      location: forEach.getString("location"),
      size: forEach.getNumber("sizeGb"),
      labels: { ...props.labels },
      deleteProtection: props.deleteProtection,
    });
    this.volumes.overrideLogicalId(id);
    const machines = [...new Set(Object.values(props.volumes).map(({ machine }) => machine))];
    const forEachMachine = TerraformIterator.fromMap(Object.fromEntries(machines.map((name) => [name, name])));
    // 43 letters and digits are 256 bits
    this.keys = new Password(this, "DiskKey", { forEach: forEachMachine, length: 43, special: false });
    this.keys.overrideLogicalId(`${id}_disk_key`);
  }

  /** The id of a volume. */
  public volumeId(name: string): string {
    return instance(this.volumes, name, "id");
  }

  /** The disk key of a machine that has volumes. */
  public diskKey(machine: string): string {
    return instance(this.keys, machine, "result");
  }
}
