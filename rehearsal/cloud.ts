import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { HetznerLocal, noneDriver, ServerDriver, startHetznerLocal } from "hetzner-local";
import { Behaviour, SimulatedDriver, simulatedDriver } from "./simulated-driver";
import { terraformEnvironment } from "./terraform";

/** What the servers of a local cloud do. */
export type Hosts = "simulated" | "none";

/** A Hetzner cloud on this machine: the API, and what stands for its machines. */
export interface LocalCloud {
  readonly api: HetznerLocal;
  /** What is real and what is simulated, in one line. */
  readonly describes: string;
  /** The variables under which Terraform deploys the environments to it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Makes the machines of a name behave otherwise, those to come included. */
  simulate(machine: string, behaviour: Partial<Behaviour>): Promise<void>;
  /** Ends every machine and the API. */
  close(): Promise<void>;
}

/** The token of an environment's project in a local cloud. No secret: it opens nothing else. */
export function localToken(project: string): string {
  return createHash("sha256").update(`local project of ${project}`).digest("hex");
}

/** Starts a local cloud with a project per environment. */
export async function startLocalCloud(directory: string, environments: readonly string[], hosts: Hosts = "simulated"): Promise<LocalCloud> {
  mkdirSync(directory, { recursive: true });
  const simulated = hosts === "simulated" ? simulatedDriver({ directory: join(directory, "machines") }) : undefined;
  const driver: ServerDriver = simulated ?? noneDriver;
  const projects = Object.fromEntries(environments.map((name) => [name, localToken(name)]));
  const api = await startHetznerLocal({ driver, projects, ...(simulated && { mayDetach: mayDetach(simulated) }) });
  const tokens = environments.map((name) => [`TF_VAR_hcloud_token_${name.replaceAll("-", "_")}`, localToken(name)]);
  return {
    api,
    describes: driver.describes,
    environment: { ...terraformEnvironment(), HCLOUD_ENDPOINT: api.url, ...Object.fromEntries(tokens) },
    simulate: async (machine, behaviour) => {
      if (!simulated) throw new Error("only simulated machines can be made to misbehave");
      await simulated.control(machine, { ...behaviour });
    },
    close: () => api.close(),
  };
}

function mayDetach(driver: SimulatedDriver): SimulatedDriver["mayDetach"] {
  return (server, volume) => driver.mayDetach(server, volume);
}
