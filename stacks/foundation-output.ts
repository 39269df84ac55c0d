import { Fn, propertyAccess, TerraformOutput, TerraformRemoteState, TerraformStack, Token } from "cdktf";
import { Credentials } from "../constructs/identity/machine-identity";
import { Issuer } from "../constructs/identity/leaf-certificate";

/** What the foundation says of one slot; absent fields do not apply to its role. */
export interface SlotOutput {
  readonly placementGroupId: string;
  readonly wireGuardPrivateKey: string;
  readonly nodePassword: string;
  readonly primaryIpId?: string;
  readonly publicAddress?: string;
  /** By generation; those that are accepted. */
  readonly diskKeys?: Readonly<Record<string, string>>;
  /** Ids by volume name. */
  readonly volumeIds?: Readonly<Record<string, string>>;
}

/** What the foundation says to the stack of one data center: everything that it needs, in one output. */
export interface DataCenterOutput {
  readonly networkId: string;
  readonly subnetId: string;
  /** Every slot of the data center, up to the capacity, by name. */
  readonly slots: Readonly<Record<string, SlotOutput>>;
  /** The public address of each stateful machine in the environment, by name. */
  readonly publicAddresses: Readonly<Record<string, string>>;
  /** The WireGuard public key of every slot of the environment that is in the mesh, by name. */
  readonly meshKeys: Readonly<Record<string, string>>;
  readonly issuer: Issuer;
  readonly operator: Credentials;
}

/** Writes the output of one data center; it depends on capacities and stateful slots, never on how many workers there are. */
export function writeDataCenterOutput(stack: TerraformStack, location: string, value: DataCenterOutput): void {
  new TerraformOutput(stack, location, { sensitive: true, value });
}

/**
 * Reads the output of one data center.
 *
 * `terraform_remote_state` forgets what is sensitive, so this is where secrets are marked again. Nothing else reads the
 * foundation's state.
 */
export class DataCenterReader {
  private readonly output: string;

  constructor(state: TerraformRemoteState, location: string) {
    this.output = state.getString(location);
  }

  public get networkId(): string {
    return this.read("networkId");
  }

  public get subnetId(): string {
    return this.read("subnetId");
  }

  public get issuer(): Issuer {
    return {
      certificate: this.read("issuer", "certificate"),
      privateKey: this.secret("issuer", "privateKey"),
      trustBundle: this.read("issuer", "trustBundle"),
    };
  }

  public get operator(): Credentials {
    return {
      trustBundle: this.read("operator", "trustBundle"),
      certificate: this.read("operator", "certificate"),
      privateKey: this.secret("operator", "privateKey"),
    };
  }

  /** The public address of a stateful machine, in any data center. */
  public publicAddress(machine: string): string {
    return this.read("publicAddresses", machine);
  }

  public placementGroupId(slot: string): string {
    return this.read("slots", slot, "placementGroupId");
  }

  public primaryIpId(slot: string): string {
    return this.read("slots", slot, "primaryIpId");
  }

  public volumeId(slot: string, volume: string): string {
    return this.read("slots", slot, "volumeIds", volume);
  }

  public diskKey(slot: string, generation: number): string {
    return this.secret("slots", slot, "diskKeys", String(generation));
  }

  public nodePassword(slot: string): string {
    return this.secret("slots", slot, "nodePassword");
  }

  public wireGuardPrivateKey(slot: string): string {
    return this.secret("slots", slot, "wireGuardPrivateKey");
  }

  /** The public key of a slot in any data center. */
  public meshKey(slot: string): string {
    return this.read("meshKeys", slot);
  }

  private read(...path: string[]): string {
    return Token.asString(propertyAccess(this.output, path));
  }

  private secret(...path: string[]): string {
    return Token.asString(Fn.sensitive(this.read(...path)));
  }
}
