import { TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { address, terraformData } from "../terraform";

/**
 * Refuses to destroy a whole data-center stack of a protected environment, before its first machine is gone, unless the
 * operator names it: `TRIPLICATE_DESTROY=production-fsn1`. Removing or replacing single machines is not affected.
 */
export class DestroyGuard extends Construct {
  /**
   * @param scope Where it is made.
   * @param id Its id.
   * @param stack The name of the stack that it guards.
   * @param after What it guards: it goes first, so all of it is still there when it refuses.
   */
  constructor(scope: Construct, id: string, stack: string, after: readonly TerraformResource[]) {
    super(scope, id);
    const refusal = `${stack} is protected and was left untouched: to destroy its machines, set TRIPLICATE_DESTROY=${stack}`;
    const guard = terraformData(this, "destroy_guard", {
      input: stack,
      provisioner: [
        {
          "local-exec": {
            when: "destroy",
            command: `test "$TRIPLICATE_DESTROY" = "$STACK" || { echo "$REFUSAL" >&2; exit 1; }`,
            environment: { STACK: stack, REFUSAL: refusal },
            quiet: true,
          },
        },
      ],
    });
    guard.dependsOn = after.map(address);
  }
}
