import { MachineSpec, renderMachine } from "../../render/machine";
import { MachineIdentity } from "../identity/machine-identity";
import { readAsset } from "./assets";
import { PROGRAMS, RUNTIME_FILES_UNIT } from "./base-system";
import { Host, IHostContribution } from "./host";
import { RUNTIME_DIRECTORY } from "./host-file";

/** What the health agent of a host knows. */
export interface HealthAgentProps {
  /** The machine and those it may ask. Changing it replaces the host. */
  readonly machine: MachineSpec;
  /** The certificate that it shows, and the authorities that it trusts. */
  readonly identity: MachineIdentity;
}

/**
 * The agent that says whether a host is well and hands it over when it is to go: `/health`, `/metrics` and `/leave` at port
 * 9443, mutual TLS only.
 *
 * Other constructs add executables to `/etc/triplicate/health.d` (exit 0: well; else the first line says why not), to
 * `/etc/triplicate/metrics.d` (each prints what Prometheus reads) and to `/etc/triplicate/leave.d` (run in order before the
 * machine's volumes are detached).
 */
export class HealthAgent implements IHostContribution {
  constructor(private readonly props: HealthAgentProps) {}

  public bind(host: Host): void {
    const { machine, identity } = this.props;
    host.addFile({ path: `${PROGRAMS}/health-agent.py`, content: readAsset("health-agent.py"), mode: "0755" });
    for (const module of ["health_agent/cluster.py", "health_agent/local.py", "health_agent/metrics.py"]) {
      host.addFile({ path: `${PROGRAMS}/${module}`, content: readAsset(module) });
    }
    host.addFile({ path: "/etc/triplicate/machine.json", content: renderMachine(machine), isUnique: true });
    identity.files(`${RUNTIME_DIRECTORY}/tls`).forEach((file) => host.addRuntimeFile(file));
    host.addUnit({
      name: "triplicate-health.service",
      description: "Health agent",
      after: [RUNTIME_FILES_UNIT],
      type: "notify",
      execStart: `${PROGRAMS}/health-agent.py`,
      service: { Restart: "always", RestartSec: "2" },
    });
  }
}
