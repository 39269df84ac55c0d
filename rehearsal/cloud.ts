import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { HetznerLocal, noneDriver, startHetznerLocal } from "hetzner-local";
import { AskingDriver, BootedMachines, MACHINES_RANGE, startMachines } from "./machines";
import { Behaviour, SimulatedDriver, simulatedDriver } from "./simulated-driver";
import { terraformEnvironment } from "./terraform";

/** What the servers of a local cloud do: `vm` boots each with QEMU. */
export type Hosts = "simulated" | "none" | "vm";

/** A Hetzner cloud on this machine: the API, and what stands for its machines. */
export interface LocalCloud {
  readonly api: HetznerLocal;
  /** What is real and what is simulated, in one line. */
  readonly describes: string;
  /** The variables under which Terraform deploys the environments to it. */
  readonly environment: Readonly<Record<string, string>>;
  /** The words before a command that make it run where machines can be reached; none where that is everywhere. */
  readonly enter: readonly string[];
  /** The machines, where they boot. */
  readonly lab?: BootedMachines;
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
  const lab = hosts === "vm" ? await startMachines(join(directory, "machines")) : undefined;
  let cloud: LocalCloud | undefined;
  try {
    const api = await startApi(environments, lab?.driver ?? simulated, lab && MACHINES_RANGE);
    cloud = localCloud(api, environments, simulated, lab);
    await lab?.expose(Number(new URL(api.origin).port));
    return cloud;
  } catch (error) {
    await (cloud ?? lab)?.close();
    throw error;
  }
}

/** Strict about volumes, where there is a driver to ask. */
function startApi(environments: readonly string[], driver: AskingDriver | undefined, publicRange: string | undefined): Promise<HetznerLocal> {
  const projects = Object.fromEntries(environments.map((name) => [name, localToken(name)]));
  if (driver === undefined) return startHetznerLocal({ driver: noneDriver, projects });
  return startHetznerLocal({ driver, projects, publicRange, mayDetach: (server, volume) => driver.mayDetach(server, volume) });
}

function localCloud(api: HetznerLocal, environments: readonly string[], simulated?: SimulatedDriver, lab?: BootedMachines): LocalCloud {
  const tokens = environments.map((name) => [`TF_VAR_hcloud_token_${name.replaceAll("-", "_")}`, localToken(name)]);
  return {
    api,
    describes: api.describes,
    environment: { ...terraformEnvironment(), HCLOUD_ENDPOINT: api.url, ...Object.fromEntries(tokens) },
    enter: lab?.enter ?? [],
    lab,
    simulate: async (machine, behaviour) => {
      if (!simulated) throw new Error("only simulated machines can be made to misbehave");
      await simulated.control(machine, { ...behaviour });
    },
    close: () => api.close(),
  };
}
