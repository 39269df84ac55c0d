import { App, DefaultTokenResolver, StringConcat, Tokenization } from "cdktf";
import { parse } from "yaml";

import type { Environment } from "../../config/environment";
import { environments } from "../../config/environments";
import { Host } from "../../constructs/host/host";
import { replaceTokens } from "../../constructs/host/template";
import { readCloudConfig, type CloudConfigFile } from "../../rehearsal/cloud-config";
import { addEnvironment } from "../../stacks/environment";
import { unescapeTemplate } from "./template";

/** What a machine gets from its user_data. */
export interface GoldenHost {
  readonly name: string;
  readonly role: string;
  /** Its private address. */
  readonly address: string;
  /** What the user_data can grow to once Terraform has filled it in. */
  readonly maxBytes: number;
  /** The files that are known at synth, decoded and unpacked, and the archive of most of them. */
  readonly files: readonly CloudConfigFile[];
  /** The files that only Terraform knows: their Terraform expressions by path. */
  readonly expressions: Readonly<Record<string, string>>;
  /** The whole user_data, with each file that only Terraform knows filled in. */
  userData(fill: (path: string) => string): string;
}

/** What stands in a golden file for what only Terraform knows. */
export function placeholder(path: string): string {
  return `${path}: known at apply\n`;
}

/** One machine per role of dev, the first of its role, and the first Postgres machine of production. */
export function goldenHosts(): GoldenHost[] {
  const production = hostsOf("production").find(({ role }) => role === "postgres")!;
  return [...firstOfEachRole(hostsOf("dev")), production];
}

function firstOfEachRole(hosts: readonly GoldenHost[]): GoldenHost[] {
  return hosts.filter((host, index) => hosts.findIndex(({ role }) => role === host.role) === index);
}

/** All machines of an environment, synthesized in this process. */
function hostsOf(name: string): GoldenHost[] {
  const app = new App();
  const environment: Environment = environments.find((candidate) => candidate.name === name)!;
  addEnvironment(app, environment, { localState: { directory: "/state" } });
  return app.node
    .findAll()
    .filter((construct) => construct instanceof Host)
    .map(readHost);
}

function readHost(host: Host): GoldenHost {
  const { template, maxBytes } = host.userData;
  const tokens: string[] = [];
  const marked = unescapeTemplate(
    replaceTokens(template, (token) => {
      tokens.push(token);
      return marker(tokens.length - 1);
    }),
  );
  const entries = (parse(marked) as { write_files: { path: string; content: string }[] }).write_files;
  const paths = tokens.map((_, index) => entries.find(({ content }) => content === marker(index))!.path);
  const resolver = new DefaultTokenResolver(new StringConcat());
  const resolved = tokens.map((token) => Tokenization.resolve(token, { scope: host, resolver, preparing: false }) as string);
  const userData: GoldenHost["userData"] = (fill) =>
    paths.reduce((text, path, index) => text.replace(marker(index), () => JSON.stringify(fill(path))), marked);
  const files = readCloudConfig(userData(placeholder)).files.filter(({ path }) => !paths.includes(path));
  const machine = JSON.parse(files.find(({ path }) => path === "/etc/triplicate/machine.json")!.content.toString());
  return {
    name: host.name,
    role: machine.role,
    address: machine.address,
    maxBytes,
    files,
    expressions: Object.fromEntries(paths.map((path, index) => [path, resolved[index]])),
    userData,
  };
}

/** Without a sign that YAML or Terraform cares for. */
function marker(index: number): string {
  return `KNOWN-AT-APPLY-${index}-`;
}
