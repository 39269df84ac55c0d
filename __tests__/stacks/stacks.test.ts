/** What the three environments synthesize to. A changed snapshot is a changed plan: look at it as such. */
import { createHash } from "node:crypto";
import { homedir, tmpdir } from "node:os";
import { App } from "cdktf";
import { environments } from "../../config/environments";
import { defineEnvironment, Environment, EnvironmentInput } from "../../config/environment";
import { readCloudConfig } from "../../rehearsal/cloud-config";
import { repositoryRoot } from "../../rehearsal/terraform";
import { addEnvironment } from "../../stacks/environment";
import { goodDescription, descriptionWith, PlainDescription } from "../config/descriptions";
import { unescapeTemplate } from "../support/template";
import { Block, resources, StackJson, synthesizeApp } from "../support/synth";

const { stacks, texts } = synthesizeApp((app) => environments.forEach((environment) => addEnvironment(app, environment)));
const names = [...stacks.keys()];

function synthesizeEnvironment(environment: Environment, localState?: { directory: string }): ReturnType<typeof synthesizeApp> {
  return synthesizeApp((app: App) => addEnvironment(app, environment, { localState }));
}

function describedWith(changes: Record<string, unknown>): Environment {
  return defineEnvironment(descriptionWith(changes) as unknown as EnvironmentInput);
}

/** user_data as what lands on the host: reviewable, and without the compressed bytes. */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === "user_data" ? decode(String(inner)) : readable(inner)]));
}

function decode(template: string): unknown {
  const { files, document } = readCloudConfig(unescapeTemplate(template).replaceAll(/\$\{jsonencode\((.*)\)\}$/gm, (_, expression: string) => JSON.stringify(`\${${expression}}`)));
  const { write_files, ...settings } = document;
  const encodings = new Map((write_files as { path: string; encoding?: string }[]).map(({ path, encoding }) => [path, encoding ?? "as it is"]));
  const listed = files.map(({ path, mode, owner, content }) => {
    const text = content.toString();
    const shown = text.startsWith("${") ? text : `sha256 ${createHash("sha256").update(content).digest("hex").slice(0, 12)}`;
    return `${path} ${mode.toString(8).padStart(4, "0")} ${owner}, ${encodings.get(path) ?? "in the archive"}: ${shown}`;
  });
  return { ...settings, files: listed };
}

/** The addresses of a stack's resources and data sources, one per instance where the instances are known. */
/** The resources that expressions of a stack name, as type and name; data sources are left out. */
function referred(text: string): [string, string][] {
  const types = "hcloud|tls|random|terraform";
  return [...text.matchAll(new RegExp(`(?<![\\w.])((?:${types})_\\w+)\\.([\\w-]+)`, "g"))]
    .map(([, type, id]): [string, string] => [type, id])
    .filter(([type]) => type !== "terraform_remote_state");
}

function addresses(stack: StackJson): string[] {
  const of = (prefix: string, [address, { for_each, count }]: [string, Block]): string[] => {
    if (typeof for_each === "object" && for_each !== null) return Object.keys(for_each).map((key) => `${prefix}${address}["${key}"]`);
    return [`${prefix}${address}${for_each === undefined ? "" : "[each]"}${count === undefined ? "" : "[count]"}`];
  };
  const managed = resources(stack).flatMap((entry) => of("", entry));
  const read = resources({ ...stack, resource: stack.data }).flatMap((entry) => of("data.", entry));
  return [...managed, ...read].sort();
}

describe("snapshots", () => {
  test.each(names)("%s", (name) => {
    expect(readable(stacks.get(name))).toMatchSnapshot();
  });

  test("addresses of all resources", () => {
    expect(names.map((name) => [name, ...addresses(stacks.get(name)!)].join("\n  ")).join("\n\n")).toMatchSnapshot();
  });
});

describe("the list of stacks", () => {
  test("is each environment's foundation and its data centers, in deploy order", () => {
    expect(names).toHaveLength(12);
    for (const { name } of environments) {
      expect(names.filter((stack) => stack.startsWith(`${name}-`))).toEqual(["foundation", "fsn1", "nbg1", "hel1"].map((part) => `${name}-${part}`));
    }
    expect(environments.map(({ name }) => name)).toEqual(["dev", "staging", "production"]);
  });

  test("has none for a lost data center, and the chain goes on without it", () => {
    const lost = synthesizeEnvironment(describedWith({ "dataCenters.nbg1.state": "lost" }));
    expect([...lost.stacks.keys()]).toEqual(["dev-foundation", "dev-fsn1", "dev-hel1"]);
    const foundation = lost.texts.get("dev-foundation")!;
    expect(foundation).toContain("dev-nbg1-postgres-1-data");
    const records = JSON.stringify(lost.stacks.get("dev-foundation")!.resource!.hcloud_zone_rrset);
    expect(records).not.toContain("nbg1");
    expect(records).toContain("hel1");
    expect(lost.texts.get("dev-hel1")).not.toMatch(/cluster=[^"]*nbg1/);
  });
});

describe("invariants", () => {
  test("nothing is referenced between stacks but through the foundation's outputs: what a stack refers to, it declares", () => {
    for (const [name, stack] of stacks) {
      expect(texts.get(name)).not.toContain("cross-stack-output");
      const undeclared = referred(texts.get(name)!).filter(([type, id]) => stack.resource?.[type]?.[id] === undefined);
      expect(undeclared).toEqual([]);
    }
    expect(referred(texts.get("dev-fsn1")!)).toContainEqual(["hcloud_server", "dev-fsn1-postgres-1"]);
  });

  test("foundation and data centers only: a data center has no output and reads only its foundation", () => {
    for (const [name, stack] of stacks) {
      if (name.endsWith("-foundation")) continue;
      expect(stack.output).toBeUndefined();
      expect(Object.keys(stack.data!.terraform_remote_state)).toEqual(["foundation"]);
    }
  });

  test("nothing says where it was synthesized", () => {
    for (const text of texts.values()) {
      for (const place of [repositoryRoot(), homedir(), tmpdir()]) expect(text).not.toContain(place);
    }
  });

  test("two synths give the same bytes", () => {
    expect(synthesizeApp((app) => environments.forEach((environment) => addEnvironment(app, environment))).texts).toEqual(texts);
  });

  test("ids are ours: none has a hash of CDKTF's", () => {
    for (const stack of stacks.values()) expect(addresses(stack).filter((address) => /_[0-9A-F]{8}\b/.test(address))).toEqual([]);
  });

  test("names of servers, volumes and addresses fit into a host name", () => {
    const all = [...stacks.values()].flatMap((stack) => resources(stack)).filter(([address]) => /^hcloud_(server|volume|primary_ip)\./.test(address));
    const found = all.flatMap(([address, { name, for_each }]) => (address.startsWith("hcloud_server.") ? [String(name)] : Object.keys(for_each as object)));
    expect(found.length).toBeGreaterThan(60);
    expect(found.filter((name) => !/^[a-z0-9][a-z0-9-]{0,62}$/.test(name))).toEqual([]);
  });

  test.each([
    ["one more worker", { "pools.worker.count": 3 }],
    ["one worker less", { "pools.worker.count": 1 }],
    ["no worker in one data center", { "pools.worker.count": { fsn1: 2, hel1: 2 } }],
    ["three agents more", { "pools.kubernetesAgent.count": 4 }],
  ])("%s changes nothing in the foundation", (_, changes) => {
    const before = synthesizeEnvironment(defineEnvironment(goodDescription() as unknown as EnvironmentInput)).texts;
    const after = synthesizeEnvironment(describedWith(changes)).texts;
    expect(after.get("dev-foundation")).toBe(before.get("dev-foundation"));
    expect(after.get("dev-hel1")).not.toBe(undefined);
  });

  test("one more worker in a data center changes no other machine, and no other data center", () => {
    const servers = ({ stacks: all }: ReturnType<typeof synthesizeApp>, name: string) => all.get(name)!.resource!.hcloud_server;
    const before = synthesizeEnvironment(describedWith({ "pools.worker.count": { fsn1: 2, nbg1: 2, hel1: 2 } }));
    const after = synthesizeEnvironment(describedWith({ "pools.worker.count": { fsn1: 3, nbg1: 2, hel1: 2 } }));
    const { "dev-fsn1-worker-3": added, ...rest } = servers(after, "dev-fsn1");
    expect(added).toBeDefined();
    expect(rest).toEqual(servers(before, "dev-fsn1"));
    for (const name of ["dev-nbg1", "dev-hel1"]) expect(after.texts.get(name)).toBe(before.texts.get(name));
  });
});

describe("foundation", () => {
  const foundations = environments.map((environment): [string, Environment] => [`${environment.name}-foundation`, environment]);

  test.each(foundations)("%s: every resource is kept from being destroyed where the environment is protected, none elsewhere", (name, environment) => {
    const kept = resources(stacks.get(name)!).map(([address, { lifecycle }]) => [address, Boolean((lifecycle as Block | undefined)?.prevent_destroy)]);
    expect(kept.length).toBeGreaterThan(20);
    expect(kept.filter(([, isKept]) => isKept !== environment.protected)).toEqual([]);
  });

  test.each(foundations)("%s: what Hetzner can protect, it protects alike", (name, environment) => {
    const types = ["hcloud_network", "hcloud_volume", "hcloud_primary_ip", "hcloud_load_balancer", "hcloud_zone"];
    for (const type of types) {
      for (const block of Object.values(stacks.get(name)!.resource![type])) expect([type, block.delete_protection]).toEqual([type, environment.protected]);
    }
  });

  test.each(foundations)("%s: outputs are sensitive, one per data center, without the id of any server", (name) => {
    const { project, ...dataCenters } = stacks.get(name)!.output!;
    expect(project.value).toBe(name.replace("-foundation", ""));
    expect(Object.keys(dataCenters)).toEqual(["fsn1", "hel1", "nbg1"]);
    for (const { sensitive, value } of Object.values(dataCenters)) {
      expect(sensitive).toBe(true);
      expect(JSON.stringify(value)).not.toMatch(/hcloud_server|server_?id/i);
    }
  });

  test.each(foundations)("%s: every machine, volume and address bears the labels that firewalls and load balancers go by", (name, environment) => {
    const labelled = resources(stacks.get(name)!).filter(([address]) => /^hcloud_(?!network_subnet|load_balancer_)/.test(address));
    for (const [address, { labels }] of labelled) {
      expect([address, labels]).toEqual([address, expect.objectContaining({ "managed-by": "triplicate", environment: environment.name })]);
    }
  });
});

describe("every stack", () => {
  test.each(names)("%s: the token is a sensitive variable of the environment, without default", (name) => {
    const { variable, provider } = stacks.get(name)!;
    const token = `hcloud_token_${name.split("-")[0]}`;
    expect(variable![token]).toEqual({ type: "string", sensitive: true, description: expect.stringContaining("API token") as string });
    expect(provider!.hcloud).toEqual([{ token: `\${var.${token}}` }]);
    expect(Object.keys(variable!).filter((other) => /token/.test(other))).toEqual([token]);
  });

  test.each(names)("%s: no secret is written down", (name) => {
    const text = JSON.stringify(readable(stacks.get(name)));
    expect(text).not.toMatch(/-----BEGIN/);
    expect(text).not.toMatch(/"(password|secret|access_key|secret_key|token)":"[^$]/);
    expect(text).not.toMatch(/\b(?![0-9a-f]{64}\b)[A-Za-z0-9]{40,}\b/);
  });

  test.each(names)("%s: the state is in the environment's bucket, locked, under the stack's name", (name) => {
    const { backend, required_version } = stacks.get(name)!.terraform as unknown as { backend: Record<string, Block>; required_version: string };
    const environment = name.split("-")[0];
    expect(Object.keys(backend)).toEqual(["s3"]);
    expect(backend.s3).toMatchObject({ bucket: `triplicate-state-${environment}`, use_lockfile: true, key: expect.stringContaining(`${name}.tfstate`) as string });
    expect(backend.s3).not.toHaveProperty("access_key");
    expect(required_version).toMatch(/^>= 1\.\d+/);
  });

  test.each(names.filter((name) => !name.endsWith("foundation")))("%s: reads the very state that the foundation writes", (name) => {
    const environment = name.split("-")[0];
    const written = stacks.get(`${environment}-foundation`)!.terraform.backend.s3;
    const read = (stacks.get(name)!.data!.terraform_remote_state.foundation as { config: Block }).config;
    expect({ ...read, use_lockfile: true }).toEqual(written);
  });

  test("in a rehearsal, keeps its state in the directory that it is told", () => {
    const description: PlainDescription = goodDescription();
    const local = synthesizeEnvironment(defineEnvironment(description as unknown as EnvironmentInput), { directory: "/somewhere" });
    for (const [name, { terraform }] of local.stacks) expect(terraform.backend).toEqual({ local: { path: `/somewhere/${name}.tfstate` } });
    expect(local.stacks.get("dev-fsn1")!.data!.terraform_remote_state.foundation).toMatchObject({ backend: "local", config: { path: "/somewhere/dev-foundation.tfstate" } });
  });
});

describe("data centers", () => {
  const dataCenters = names.filter((name) => !name.endsWith("foundation"));

  test.each(dataCenters)("%s: only protected environments have a guard that refuses to destroy", (name) => {
    const { protected: isProtected } = environments.find((environment) => name.startsWith(`${environment.name}-`))!;
    expect("destroy_guard" in stacks.get(name)!.resource!.terraform_data).toBe(isProtected);
  });

  test.each(dataCenters)("%s: every secret that is read from the foundation is marked again", (name) => {
    const secrets = texts.get(name)!.match(/(\w+\()?data\.terraform_remote_state\.foundation\.outputs\.\w+[\w.[\]\\"-]*(privateKey|PrivateKey|diskKey|nodePassword)/g) ?? [];
    expect(secrets.length).toBeGreaterThan(0);
    expect(secrets.filter((secret) => !secret.startsWith("sensitive("))).toEqual([]);
  });

  test("only the last one demands the whole cluster", () => {
    const demands = dataCenters.filter((name) => String(stacks.get(name)!.data!.http.gate.url).includes("cluster="));
    expect(demands).toEqual(["dev-hel1", "production-hel1", "staging-hel1"]);
  });
});
