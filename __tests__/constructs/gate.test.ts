/** Gates, guards and leaving: the expressions that they emit. Whether Terraform does what they say is tested by real applies. */
import { TerraformResource, TerraformStack } from "cdktf";
import { Census, DestroyGuard, HealthGate, Host, LeaveSteps, ProjectGuard, RemovalGuard, ReplacementGuard, Switches } from "../../constructs";
import { terraformData } from "../../constructs/terraform";
import { Block, data, resource, StackJson, synthesizeStack } from "../support/synth";

const OPERATOR = { trustBundle: "${data.x.bundle}", certificate: "${data.x.certificate}", privateKey: "${data.x.key}" };
const MUTUAL_TLS = { ca_cert_pem: "${data.x.bundle}", client_cert_pem: "${data.x.certificate}", client_key_pem: "${data.x.key}" };

interface World {
  readonly stack: TerraformStack;
  readonly census: Census;
  readonly switches: Switches;
  readonly machine: TerraformResource;
}

function synthesize(build: (world: World) => void): StackJson {
  return synthesizeStack((stack) => {
    const census = new Census(stack, "census", { environment: "test", dataCenter: "fsn1", serverTypes: { "web-1": ["cx23", "cpx22"] } });
    const host = new Host(stack, "host", {
      name: "web-1",
      location: "fsn1",
      serverType: census.serverType("web-1"),
      subnetId: "7-10.0.1.0/24",
      privateAddress: "10.0.1.9",
    });
    host.server.overrideLogicalId("web-1");
    census.compare([host]);
    build({ stack, census, switches: new Switches(stack, "switches", 90), machine: host.server });
  });
}

interface Condition {
  readonly condition: string;
  readonly error_message: string;
}

function conditions({ lifecycle }: Block, kind: "precondition" | "postcondition"): Condition[] {
  return (lifecycle as Record<string, Condition[]>)[kind];
}

function postconditions(block: Block): Condition[] {
  return conditions(block, "postcondition");
}

describe("switches", () => {
  test("are variables with fixed names, off unless an operator says so", () => {
    expect(synthesize(() => undefined).variable).toEqual({
      teardown: { type: "bool", default: false, description: expect.any(String) as string },
      replace_while_ill: { type: "bool", default: false, description: expect.any(String) as string },
      gate_attempts: { type: "number", default: 90, description: expect.any(String) as string },
    });
  });
});

describe("census", () => {
  const stack = synthesize(() => undefined);
  const locals = stack.locals!;

  test("asks for the machines of the environment, once", () => {
    expect(data(stack, "hcloud_servers", "existing")).toEqual({ with_selector: "environment=test" });
    expect(locals.existing).toBe('${{ for s in data.hcloud_servers.existing.servers : s.name => s if try(s.labels["data-center"], "") == "fsn1" }}');
  });

  test("says which machines the plan replaces: those whose config label would be another", () => {
    expect(locals.config).toMatch(/^\$\{\{ "web-1" = substr\(.*sha256\(join\("\\n", \["[0-9a-f]{64}", "debian-13", "fsn1", .*local\.server_type\["web-1"\].*, 0, 16\) \}\}$/);
    expect(locals.replacing).toBe(
      '${[for name, config in local.config : name if contains(keys(local.existing), name) && try(local.existing[name].labels["config"], "") != config]}',
    );
  });

  test("compares with the very label that the server gets", () => {
    const label = (resource(stack, "hcloud_server").labels as Record<string, string>).config;
    expect(locals.config).toBe(`\${{ "web-1" = ${label.slice(2, -1)} }}`);
  });

  test("keeps a machine's type while that is allowed, else takes the first that can be had", () => {
    expect(locals.allowed_server_types).toBe('${{ "web-1" = ["cx23","cpx22"] }}');
    expect(locals.available).toContain('l.name == "fsn1" && l.available');
    expect(locals.server_type).toBe(
      "${{ for name, types in local.allowed_server_types : name => try(" +
        "[for t in types : t if t == local.existing[name].server_type][0], [for t in types : t if contains(local.available, t)][0], types[0]) }}",
    );
    expect(resource(stack, "hcloud_server").server_type).toBe('${local.server_type["web-1"]}');
  });

  test("depends on nothing that only the apply knows", () => {
    for (const block of [data(stack, "hcloud_servers", "existing"), data(stack, "hcloud_server_types")]) expect(block).not.toHaveProperty("depends_on");
    expect(Object.values(locals).join("\n")).not.toMatch(/hcloud_server\./);
  });
});

/** The agent waits as long as the attempts take: all of them with machines to make, else a few. */
const WAIT = "(length(local.making) > 0 ? var.gate_attempts : min(var.gate_attempts, 6)) * 5";

describe("health gate", () => {
  const gate = (cluster?: string[]): Block =>
    data(
      synthesize(({ stack, census, switches, machine }) => {
        const props = { dataCenter: "fsn1", address: "192.0.2.1", members: ["web-1", "web-2"], cluster, operator: OPERATOR, intervalSeconds: 5 };
        new HealthGate(stack, "health", { ...props, census, switches, after: [machine] });
      }),
      "http",
    );

  test("asks for its members with mutual TLS, after they are there, until they are well", () => {
    expect(gate()).toMatchObject({
      ...MUTUAL_TLS,
      url: `https://192.0.2.1:9443/health/data-center?members=web-1,web-2&forming=allowed&wait=\${${WAIT}}`,
      request_timeout_ms: `\${30000 + 1000 * (${WAIT})}`,
      retry: { min_delay_ms: 5000, max_delay_ms: 5000, attempts: expect.stringContaining("var.gate_attempts") as string },
      depends_on: ["hcloud_server.web-1"],
    });
    expect(postconditions(gate())).toEqual([
      {
        condition: "${self.status_code == 200}",
        error_message: "data center fsn1 is not healthy: ${try(jsondecode(self.response_body).summary, self.response_body)}",
      },
    ]);
  });

  test("of the last data center demands the whole cluster, and accepts none that is being formed", () => {
    expect(gate(["a", "b"]).url).toBe(
      `https://192.0.2.1:9443/health/data-center?members=web-1,web-2&cluster=a,b&wait=\${${WAIT}}`,
    );
  });

  test("is not asked while the stack is taken down", () => {
    expect(gate().count).toBe("${var.teardown ? 0 : 1}");
  });
});

describe("replacement guard", () => {
  const guarded = (lost: string[] = [], keptRoles: string[] = []): StackJson =>
    synthesize(({ stack, census, switches }) => {
      const others = { nbg1: "192.0.2.2", hel1: "192.0.2.3" };
      new ReplacementGuard(stack, "replacement", { dataCenter: "fsn1", census, others, lost, keptRoles, quorumMembers: ["web-1"], operator: OPERATOR, switches });
    });

  test("asks the other data centers that have machines, and only when something would be replaced", () => {
    const guard = data(guarded(), "http", "others");
    expect(guard).toMatchObject({ ...MUTUAL_TLS, request_timeout_ms: 60_000 });
    expect(guard.for_each).toMatch(/^\$\{length\(local\.replacing\) > 0 && !var\.replace_while_ill && !var\.teardown \? toset\(\[for s in data\.hcloud_servers\.existing\.servers : .*\]\) : toset\(\[\]\)\}$/);
    expect(guard.url).toMatch(/^https:\/\/\$\{.*\[each\.key\]\}:9443\/health\/data-center\?members=\$\{join\(",", sort\(.*== each\.key\]\)\)\}&forming=allowed&wait=30$/);
  });

  test("names what it leaves alone, and the way out", () => {
    const [{ condition, error_message }] = postconditions(data(guarded(), "http", "others"));
    expect(condition).toBe("${self.status_code == 200}");
    expect(error_message).toMatch(/^\$\{each\.key\} is not healthy .* so fsn1 is left alone: it would replace .*TF_VAR_replace_while_ill=true$/);
  });

  test("refuses to replace quorum members while a data center is lost, and says nothing of it where none is", () => {
    const lost = conditions(data(guarded(["hel1"]), "hcloud_location"), "precondition")[0];
    expect(lost.condition).toBe('${var.teardown || length([for name in local.replacing : name if contains(["web-1"], name)]) == 0}');
    expect(lost.error_message).toMatch(/^hel1 is lost, so no quorum member in fsn1 may be replaced: the plan would replace /);
    expect(JSON.stringify(data(guarded(), "hcloud_location"))).not.toContain("is lost");
  });

  test("refuses to remove a machine of a kept role from a protected environment", () => {
    const [kept] = conditions(data(guarded([], ["db"]), "hcloud_location"), "precondition");
    expect(kept.condition).toBe(
      '${var.teardown || length([for name, s in local.existing : name if contains(["db"], try(s.labels["role"], "")) && !contains(keys(local.config), name)]) == 0}',
    );
    expect(kept.error_message).toMatch(/^the environment is protected and .* in fsn1 would be removed/);
  });

  test("refuses to replace a machine that could not be made again, because its type is sold out", () => {
    const [soldOut] = conditions(data(guarded(), "hcloud_location"), "precondition");
    expect(soldOut.condition).toMatch(/^\$\{var\.teardown \|\| length\(\[for name in local\.replacing : .* if !contains\(local\.available, local\.server_type\[name\]\)\]\) == 0\}$/);
    expect(soldOut.error_message).toMatch(/^fsn1 has no room for what would be replaced: /);
  });
});

describe("removal guard", () => {
  test("keeps the volumes and the address of a machine that still runs but is not described any more", () => {
    const stack = synthesize(({ stack: scope }) => new RemovalGuard(scope, "removal", { environment: "test", roles: ["db", "backup"], machines: ["db-1"] }));
    const guard = data(stack, "hcloud_servers", "stateful");
    expect(guard.with_selector).toBe("environment=test,role in (db,backup)");
    const [{ condition, error_message }] = postconditions(guard);
    expect(condition).toBe('${length([for s in self.servers : s if !contains(["db-1"], s.name)]) == 0}');
    expect(error_message).toMatch(/ still runs and is not described any more, so its volumes and its address stay; nothing was changed; deploy its stack first/);
  });
});

describe("leave steps", () => {
  const stack = synthesize(({ stack: scope, machine }) => {
    const member = { name: "web-2", address: "192.0.2.2" };
    const machines = [{ name: "web-1", address: "192.0.2.1", quorum: true, members: [member], replacedWith: [machine.getStringAttribute("id")] }];
    new LeaveSteps(scope, "leaving", { machines, operator: OPERATOR, after: [machine] });
  });
  const steps = resource(stack, "terraform_data", "leave");

  test("have an instance per machine, replaced with its server", () => {
    expect(steps.for_each).toEqual({
      "web-1": {
        replaced_with: ["${hcloud_server.web-1.id}"],
        machine: { machine: "web-1", port: 9443, address: "192.0.2.1", quorum: true, members: [{ name: "web-2", address: "192.0.2.2" }] },
      },
    });
    expect(steps.depends_on).toEqual(["hcloud_server.web-1"]);
  });

  test("run the command of the installed package before anything is destroyed, with credentials in its environment only", () => {
    expect(steps.provisioner).toEqual([
      {
        "local-exec": {
          when: "destroy",
          command: "npx --no-install triplicate leave",
          environment: { TRIPLICATE_LEAVE: "${nonsensitive(jsonencode(merge(self.input, self.triggers_replace.credentials)))}" },
        },
      },
    ]);
    expect(steps.input).toBe("${each.value.machine}");
    expect(steps.triggers_replace).toEqual({
      replaced_with: "${each.value.replaced_with}",
      credentials: expect.stringMatching(/^\$\{\{ ca = .*, certificate = .*, key = .* \}\}$/) as string,
    });
    expect(steps.lifecycle).toEqual({ ignore_changes: ["triggers_replace.credentials"] });
  });
});

describe("destroy guard", () => {
  const guard = resource(
    synthesize(({ stack, machine }) => new DestroyGuard(stack, "guard", "test-fsn1", [machine])),
    "terraform_data",
    "destroy_guard",
  );

  test("goes before everything that it guards, and refuses unless the stack is named", () => {
    expect(guard).toMatchObject({ input: "test-fsn1", depends_on: ["hcloud_server.web-1"] });
    expect(guard.provisioner).toEqual([
      {
        "local-exec": {
          when: "destroy",
          quiet: true,
          command: 'test "$TRIPLICATE_DESTROY" = "$STACK" || { echo "$REFUSAL" >&2; exit 1; }',
          environment: { STACK: "test-fsn1", REFUSAL: expect.stringMatching(/left untouched.*TRIPLICATE_DESTROY=test-fsn1$/) as string },
        },
      },
    ]);
  });
});

describe("project guard", () => {
  const foreign = (stack: StackJson) => postconditions(data(stack, "hcloud_networks", "foreign"))[0];
  const own = (stack: StackJson) => data(stack, "hcloud_networks", "own");

  test("refuses a project that has the network of another environment", () => {
    const stack = synthesize(({ stack: scope }) => new ProjectGuard(scope, "project", { environment: "test", tokenVariable: "hcloud_token_test", networkId: "${data.x.id}" }));
    expect(data(stack, "hcloud_networks", "foreign").with_selector).toBe("managed-by=triplicate,environment");
    expect(foreign(stack).condition).toBe('${length([for n in self.networks : n.name if n.labels["environment"] != "test"]) == 0}');
    expect(foreign(stack).error_message).toMatch(/^this is the project of another environment: .*set TF_VAR_hcloud_token_test to the token of test's project$/);
  });

  test("where the network is another stack's, it must be in the project by its id", () => {
    const stack = synthesize(({ stack: scope, census }) =>
      new ProjectGuard(scope, "project", { environment: "test", tokenVariable: "hcloud_token_test", networkId: census.serverType("id") }),
    );
    expect(own(stack).with_selector).toBe("environment=test");
    expect(postconditions(own(stack))[0].condition).toBe('${contains(self.networks[*].id, tonumber(local.server_type.id))}');
  });

  test("where the network is made here, it must be there once all was made", () => {
    const stack = synthesize(({ stack: scope }) => {
      const formed = [terraformData(scope, "thing", { input: 1 })];
      new ProjectGuard(scope, "project", { environment: "test", tokenVariable: "hcloud_token_test", formed });
    });
    expect(resource(stack, "terraform_data", "formed")).toEqual({ input: "test", depends_on: ["terraform_data.thing"] });
    // through a local, and without a condition of its own, or it would not be read at plan time
    expect(stack.locals!.formed).toBe("${terraform_data.formed.output}");
    expect(own(stack)).toEqual({ with_selector: "environment=${local.formed}" });
    const [{ condition, error_message }] = stack.output!.project.precondition as Condition[];
    expect(condition).toBe("${length(data.hcloud_networks.own.networks) == 1}");
    expect(error_message).toMatch(/^the network of test is not in this project, so the token is another project's; nothing was changed; /);
  });
});
