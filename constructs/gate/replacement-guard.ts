import { DataHttp } from "@cdktf/provider-http/lib/data-http";
import { Construct } from "constructs";
import { Credentials } from "../identity/machine-identity";
import { objectExpression } from "../terraform";
import { ANSWER_TIMEOUT_MS, healthUrl, mutualTls } from "./agents";
import { Census } from "./census";
import { Switches } from "./switches";

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
    this.refuseWhileLost(props);
    const { census, switches } = props;
    const dataCenterOf = `try(s.labels["data-center"], "")`;
    const asked =
      `length(${Census.REPLACING}) > 0 && !${switches.replaceWhileIll} && !${switches.teardown} ? ` +
      `toset([for s in ${census.servers} : ${dataCenterOf} if contains(keys(${objectExpression(props.others)}), ${dataCenterOf})]) : toset([])`;
    const members = `join(",", sort([for s in ${census.servers} : s.name if ${dataCenterOf} == each.key]))`;
    const guard = new DataHttp(this, "Resource", {
      ...mutualTls(props.operator),
      url: healthUrl(`\${${objectExpression(props.others)}[each.key]}`, `\${${members}}`, { forming: "allowed" }),
      requestTimeoutMs: ANSWER_TIMEOUT_MS,
      lifecycle: {
        postcondition: [
          {
            condition: "${self.status_code == 200}",
            errorMessage:
              `\${each.key} is not healthy (\${try(jsondecode(self.response_body).summary, self.response_body)}), so ` +
              `${props.dataCenter} is left alone: it would replace \${join(", ", ${Census.REPLACING})}; ` +
              "repair the other data center first, deploy it alone, or set TF_VAR_replace_while_ill=true",
          },
        ],
      },
    });
    guard.addOverride("for_each", `\${${asked}}`);
    guard.overrideLogicalId("others");
  }

  private refuseWhileLost({ census, dataCenter, lost, quorumMembers }: ReplacementGuardProps): void {
    const replacingQuorum = `[for name in ${Census.REPLACING} : name if contains(${JSON.stringify(quorumMembers)}, name)]`;
    if (lost.length === 0) return;
    census.source.lifecycle = {
      postcondition: [
        {
          condition: `\${length(${replacingQuorum}) == 0}`,
          errorMessage:
            `${lost.join(", ")} is lost, so no quorum member in ${dataCenter} may be replaced: the plan would replace ` +
            `\${join(", ", ${replacingQuorum})}; undo the change for these roles, or bring the lost data center back first`,
        },
      ],
    };
  }
}
