import { readCloudConfig } from "../../rehearsal/cloud-config";
import { unescapeTemplate } from "../support/template";

/** A template of user_data as Terraform would leave it, but for what it would fill in, which is quoted instead. */
export function literal(template: string): string {
  const quoted = template.replaceAll(/\$\{jsonencode\((.*)\)\}$/gm, (_, expression: string) => JSON.stringify(expression));
  return unescapeTemplate(quoted);
}

/** The texts of a host's files by path; what only Terraform knows is left as its expression. */
export function textsOf(template: string): Map<string, string> {
  return new Map(readCloudConfig(literal(template)).files.map(({ path, content }) => [path, content.toString()]));
}
