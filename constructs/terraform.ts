import { ref, TerraformResource, Token } from "cdktf";
import { Construct } from "constructs";

/** An attribute of one instance of a resource with `for_each`: a token, so that it can stand in functions and expressions too. */
export function instance(resource: TerraformResource, key: string, attribute: string): string {
  return Token.asString(ref(`${address(resource)}["${key}"].${attribute}`));
}

/** A resource's address in its stack: `hcloud_server.dev-fsn1-worker-1`. */
export function address(resource: TerraformResource): string {
  return `${resource.terraformResourceType}.${resource.friendlyUniqueId}`;
}

/** An object constructor in Terraform's language, from expressions by key. */
export function objectExpression(entries: Readonly<Record<string, string>>): string {
  return `{ ${Object.entries(entries)
    .map(([key, value]) => `"${key}" = ${value}`)
    .join(", ")} }`;
}

/**
 * A `terraform_data` with these arguments.
 *
 * CDKTF's own class for it spawns `terraform version` once per instance at synth (40 ms each).
 */
export function terraformData(scope: Construct, id: string, args: Readonly<Record<string, unknown>>): TerraformResource {
  const data = new TerraformResource(scope, id, { terraformResourceType: "terraform_data" });
  Object.entries(args).forEach(([name, value]) => data.addOverride(name, value));
  data.overrideLogicalId(id);
  return data;
}
