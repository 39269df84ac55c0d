import { PlacementGroup } from "@cdktf/provider-hcloud/lib/placement-group";
import { TerraformIterator } from "cdktf";
import { Construct } from "constructs";
import { instance } from "../terraform";

/** Spread placement groups: machines of one group run on different physical hosts. */
export class PlacementGroups extends Construct {
  private readonly groups: PlacementGroup;

  /**
   * @param scope Where it is made.
   * @param id Its id, and its Terraform name.
   * @param names The groups' names.
   * @param labels The groups' labels.
   */
  constructor(scope: Construct, id: string, names: readonly string[], labels: Readonly<Record<string, string>>) {
    super(scope, id);
    const forEach = TerraformIterator.fromMap(Object.fromEntries(names.map((name) => [name, name])));
    this.groups = new PlacementGroup(this, "Resource", { forEach, name: forEach.key, type: "spread", labels: { ...labels } });
    this.groups.overrideLogicalId(id);
  }

  /** The id of a group. */
  public groupId(name: string): string {
    return instance(this.groups, name, "id");
  }
}
