import { DataHttp } from "@cdktf/provider-http/lib/data-http";
import { TerraformResource, Token } from "cdktf";
import { Construct } from "constructs";
import { Credentials } from "../identity/machine-identity";
import { ANSWER_TIMEOUT_MS, healthUrl, healthy, mutualTls } from "./agents";
import { Census } from "./census";
import { Switches } from "./switches";

/** How often the gate asks where no machine is made: enough for an agent that restarts or is busy, too few to keep a plan waiting. */
const IDLE_ATTEMPTS = 6;

/** What a health gate asks. */
export interface HealthGateProps {
  readonly dataCenter: string;
  /** The public address of the machine that answers for its data center. */
  readonly address: string;
  /** The machines that must be well, by name. */
  readonly members: readonly string[];
  /**
   * The quorum members of all data centers, all of which must be well: asked by the last data center.
   *
   * @default - a data center whose quorum is still being formed passes, while the environment is first made
   */
  readonly cluster?: readonly string[];
  readonly operator: Credentials;
  /** Seconds between two questions; a wait is as many of them as the attempts. */
  readonly intervalSeconds: number;
  /** Says whether this plan makes machines: then the gate waits for them, else it asks a few times only. */
  readonly census: Census;
  readonly switches: Switches;
  /** What must be there before the gate asks: the machines, their attachments. */
  readonly after: readonly TerraformResource[];
}

/**
 * Stops a deploy at a data center that is not well.
 *
 * With machines to change, it waits after the change: first for the machine that answers, then for that machine to find
 * all of them well. With nothing to change, it is asked at plan time and waits for six intervals only, so that a deploy
 * checks again what passed before, and what is ill for a moment does not stop a plan. Either way it says which machine is ill, and why.
 */
export class HealthGate extends Construct {
  constructor(scope: Construct, id: string, props: HealthGateProps) {
    super(scope, id);
    const scopeOfHealth: Record<string, string> = props.cluster ? { cluster: props.cluster.join(",") } : { forming: "allowed" };
    const { gateAttempts } = props.switches;
    const isMaking = `length(${props.census.making}) > 0`;
    const attempts = `${isMaking} ? ${gateAttempts} : min(${gateAttempts}, ${IDLE_ATTEMPTS})`;
    const wait = `(${attempts}) * ${props.intervalSeconds}`;
    const gate = new DataHttp(this, "Resource", {
      ...mutualTls(props.operator),
      url: healthUrl(props.address, props.members.join(","), { ...scopeOfHealth, wait: `\${${wait}}` }),
      requestTimeoutMs: Token.asNumber(`\${${ANSWER_TIMEOUT_MS} + 1000 * (${wait})}`),
      retry: {
        attempts: Token.asNumber(`\${${attempts}}`),
        minDelayMs: props.intervalSeconds * 1000,
        maxDelayMs: props.intervalSeconds * 1000,
      },
      dependsOn: [...props.after],
      lifecycle: { postcondition: [healthy((summary) => `data center ${props.dataCenter} is not healthy: ${summary}`)] },
    });
    gate.addOverride("count", `\${${props.switches.teardown} ? 0 : 1}`);
    gate.overrideLogicalId("gate");
  }
}
