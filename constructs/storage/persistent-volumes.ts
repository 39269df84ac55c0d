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

/** Letters and digits of a disk key: 43 are 256 bits. */
export const DISK_KEY_LENGTH = 43;

/** What persistent volumes are. */
export interface PersistentVolumesProps {
  /** The volumes by name. A volume whose name goes is destroyed with its data; where that is prevented, the plan is refused. */
  readonly volumes: Readonly<Record<string, PersistentVolume>>;
  /** The current generation of the disk keys. All generations up to it are kept: nothing is lost by raising it. */
  readonly keyGeneration: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly deleteProtection: boolean;
}

/**
 * Volumes that outlive their machines, and the disk keys of each machine that has some. Volume and key belong together: a
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
    const generations = Array.from({ length: props.keyGeneration }, (_, index) => index + 1);
    const names = machines.flatMap((machine) => generations.map((generation) => keyName(machine, generation)));
    const forEachKey = TerraformIterator.fromMap(Object.fromEntries(names.map((name) => [name, name])));
    this.keys = new Password(this, "DiskKey", { forEach: forEachKey, length: DISK_KEY_LENGTH, special: false });
    this.keys.overrideLogicalId(`${id}_disk_key`);
  }

  /** The id of a volume. */
  public volumeId(name: string): string {
    return instance(this.volumes, name, "id");
  }

  /** The disk key of a machine that has volumes, of a generation. */
  public diskKey(machine: string, generation: number): string {
    return instance(this.keys, keyName(machine, generation), "result");
  }
}

function keyName(machine: string, generation: number): string {
  return `${machine}-key-${generation}`;
}
