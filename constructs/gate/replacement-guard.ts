import { DataHcloudLocation } from "@cdktf/provider-hcloud/lib/data-hcloud-location";
import { DataHttp } from "@cdktf/provider-http/lib/data-http";
import { Construct } from "constructs";
import { Credentials } from "../identity/machine-identity";
import { objectExpression } from "../terraform";
import { ANSWER_TIMEOUT_MS, healthUrl, healthy, mutualTls } from "./agents";
import { Census } from "./census";
import { Switches } from "./switches";

/** How long another data center may take to be well: longer than its slowest answer (24 s), so that one that is ill for a moment is asked again. */
const WAIT_SECONDS = 30;

/** When a replacement is refused. */
export interface ReplacementGuardProps {
  readonly dataCenter: string;
  readonly census: Census;
  /** For each other data center that is not lost: an expression for the address that answers for it. */
  readonly others: Readonly<Record<string, string>>;
  /** The lost data centers. */
  readonly lost: readonly string[];
  /** The machines of this stack that are members of a quorum. */
  readonly quorumMembers: readonly string[];
  /** The role labels of machines that must not be taken out of the description; none in an environment that is not protected. */
  readonly keptRoles: readonly string[];
  readonly operator: Credentials;
  readonly switches: Switches;
}

/**
 * Refuses, at plan time, to replace a machine while another data center is ill, or a quorum member while a data center is
 * lost. Adding machines is never refused, and neither is a first deployment: only data centers that have machines are asked,
 * and only when an existing machine would change.
 */
export class ReplacementGuard extends Construct {
  constructor(scope: Construct, id: string, props: ReplacementGuardProps) {
    super(scope, id);
    this.refuseHopeless(props);
    const { census, switches } = props;
    const dataCenterOf = `try(s.labels["data-center"], "")`;
    const asked =
      `length(${census.replacing}) > 0 && !${switches.replaceWhileIll} && !${switches.teardown} ? ` +
      `toset([for s in ${census.servers} : ${dataCenterOf} if contains(keys(${objectExpression(props.others)}), ${dataCenterOf})]) : toset([])`;
    const members = `join(",", sort([for s in ${census.servers} : s.name if ${dataCenterOf} == each.key]))`;
    const guard = new DataHttp(this, "Resource", {
      ...mutualTls(props.operator),
      url: healthUrl(`\${${objectExpression(props.others)}[each.key]}`, `\${${members}}`, { forming: "allowed", wait: String(WAIT_SECONDS) }),
      requestTimeoutMs: ANSWER_TIMEOUT_MS + 1000 * WAIT_SECONDS,
      lifecycle: {
        postcondition: [
          healthy(
            (summary) =>
              `\${each.key} is not healthy (${summary}), so ${props.dataCenter} is left alone: it would replace ` +
              `\${join(", ", ${census.replacing})}; ` +
              "repair the other data center first, deploy it alone, or set TF_VAR_replace_while_ill=true",
          ),
        ],
      },
    });
    guard.addOverride("for_each", `\${${asked}}`);
    guard.overrideLogicalId("others");
  }

  /**
   * What needs no question to another data center. Preconditions of a data source of their own: on the census itself they
   * would be a cycle, since what would be replaced is computed from it.
   */
  private refuseHopeless(props: ReplacementGuardProps): void {
    const here = new DataHcloudLocation(this, "Here", {
      name: props.dataCenter,
      lifecycle: { precondition: [...this.whileLost(props), ...this.whileProtected(props), this.whileSoldOut(props)] },
    });
    here.overrideLogicalId("here");
  }

  private whileLost({ census, dataCenter, lost, quorumMembers, switches }: ReplacementGuardProps) {
    const replacingQuorum = `[for name in ${census.replacing} : name if contains(${JSON.stringify(quorumMembers)}, name)]`;
    if (lost.length === 0) return [];
    return [
      {
        condition: `\${${switches.teardown} || length(${replacingQuorum}) == 0}`,
        errorMessage:
          `${lost.join(", ")} is lost, so no quorum member in ${dataCenter} may be replaced: the plan would replace ` +
          `\${join(", ", ${replacingQuorum})}; undo the change for these roles, or bring the lost data center back first`,
      },
    ];
  }

  /** The foundation refuses it too; this is for a data center that is deployed alone. */
  private whileProtected({ census, dataCenter, keptRoles, switches }: ReplacementGuardProps) {
    const removed = `[for name, s in ${census.existing} : name if contains(${JSON.stringify(keptRoles)}, try(s.labels["role"], "")) && !contains(keys(${census.config}), name)]`;
    if (keptRoles.length === 0) return [];
    return [
      {
        condition: `\${${switches.teardown} || length(${removed}) == 0}`,
        errorMessage:
          `the environment is protected and \${join(", ", ${removed})} in ${dataCenter} would be removed, with what only its volumes ` +
          "hold; nothing was changed; describe it again, or set protected to false first",
      },
    ];
  }

  private whileSoldOut({ census, dataCenter, switches }: ReplacementGuardProps) {
    const type = `${census.serverTypes}[name]`;
    const soldOut = `[for name in ${census.replacing} : "\${name} (\${${type}})" if !contains(${census.available}, ${type})]`;
    return {
      condition: `\${${switches.teardown} || length(${soldOut}) == 0}`,
      errorMessage:
        `${dataCenter} has no room for what would be replaced: \${join(", ", ${soldOut})}; the machines would be gone and could not ` +
        "be made again; wait, or describe a server type that can be had",
    };
  }
}
