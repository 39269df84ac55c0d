/** The pages about hosts say what the code says. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Access, ACCESS } from "../../config/access";
import { ROLE_NAMES, ROLES } from "../../config/roles";
import { production } from "../../config/environments/production";
import { Host, KernelProfile } from "../../constructs";
import { addEnvironment } from "../../stacks/environment";
import { textsOf } from "../constructs/user-data";
import { constructs, synthesizeApp } from "../support/synth";

const docs = join(__dirname, "../../docs");
const pages = readdirSync(docs, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md"));

function page(name: string): string {
  return readFileSync(join(docs, name), "utf8");
}

/** The rows of the first table after a heading, or of the page; without its head. */
function rows(text: string, heading = ""): string[] {
  const lines = text.slice(text.indexOf(heading)).split("\n");
  const first = lines.findIndex((line) => line.startsWith("| --- |")) + 1;
  const length = lines.slice(first).findIndex((line) => !line.startsWith("|"));
  return lines.slice(first, first + length);
}

function row(...cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}

test("every link leads to a file that exists", () => {
  const broken = pages.flatMap((name) =>
    [...page(name).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)]
      .filter(([, link]) => !existsSync(join(docs, dirname(name), link)))
      .map(([, link]) => `${name}: ${link}`),
  );
  expect(pages).toEqual(expect.arrayContaining(["firewall.md", "hosts.md", "kernel.md"]));
  expect(broken).toEqual([]);
});

test("firewall.md has all that is open, and nothing else", () => {
  const callers = (from: Access["from"]) => (typeof from === "string" ? from : from.map((role) => ROLES[role].slug).join(", "));
  const open = ROLE_NAMES.flatMap((role) =>
    ACCESS[role].map(({ service, protocol, port, from, side }) => row(ROLES[role].slug, service, protocol.toUpperCase(), port, callers(from), side)),
  );
  expect(rows(page("firewall.md"))).toEqual(open);
});

test("hosts.md has every unit of the target, and what it waits for", () => {
  const units = new Map<string, string>();
  synthesizeApp((app) => {
    addEnvironment(app, production);
    for (const { userData } of constructs(app, Host)) {
      const files = textsOf(userData.template);
      const [, wanted] = /^Wants=(.*)$/m.exec(files.get("/etc/systemd/system/triplicate.target")!)!;
      for (const name of wanted.split(" ")) units.set(name, files.get(`/etc/systemd/system/${name}`)!);
    }
  });
  const short = (name: string) => `\`${name.replace(/^triplicate-(.*)\.service$/, "$1")}\``;
  const waits = [...units].map(([name, text]) => [short(name), /^Requires=(.*)$/m.exec(text)?.[1].split(" ").map(short).join(", ") ?? "–"]);
  const told = rows(page("hosts.md"), "\n## What it is made of\n").map((line) => line.split("|").map((cell) => cell.trim()));
  expect(told.map(([, name, , waitsFor]) => [name, waitsFor]).sort()).toEqual(waits.sort());
});

describe("kernel.md", () => {
  const common = KernelProfile.base().settings.sysctls.length;

  test.each([
    ["Every host", KernelProfile.base(), 0],
    ["Hosts with Docker", KernelProfile.dockerHost(), common],
    ["Nodes of a Kubernetes cluster", KernelProfile.kubernetesNode(), common],
    ["Postgres hosts", KernelProfile.postgres({ memoryMiB: 4096 }), common],
  ] as const)("has the settings of: %s", (heading, { settings }, known) => {
    const [, section] = page("kernel.md").replaceAll(/\n(?!\n|[|#])/g, " ").split(`## ${heading}\n`);
    const [words] = section.split("| Setting");
    expect(words).toContain(`Modules: ${settings.modules.map((name) => `\`${name}\``).join(", ") || "–"}`);
    expect(words).toContain(`Transparent huge pages: \`${settings.transparentHugePages}\`.`);
    const expected = settings.sysctls.slice(known).map(({ name, value, reason }) => row(`\`${name}\``, value, reason));
    expect(rows(page("kernel.md"), `\n## ${heading}\n`)).toEqual(expected);
  });
});
