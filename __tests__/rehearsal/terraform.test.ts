import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Terraform } from "../../rehearsal/terraform";

describe("machines in a network of their own", () => {
  const directory = mkdtempSync(join(tmpdir(), "triplicate-terraform-"));
  const program = join(directory, "terraform");
  writeFileSync(program, '#!/bin/sh\necho "$1 ${NETWORK:-outside}"\n');
  chmodSync(program, 0o755);

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("are reached by commands that talk to them; the others run outside", async () => {
    const terraform = new Terraform(directory, {}, ["env", "NETWORK=inside"], program);
    const results = [await terraform.init(), await terraform.validate(), await terraform.plan(), await terraform.apply(), await terraform.destroy()];
    expect(results.map(({ output }) => output.trim())).toEqual(["init outside", "validate outside", "plan inside", "apply inside", "destroy inside"]);
  });

  test("nothing is entered without them", async () => {
    expect((await new Terraform(directory, {}, [], program).plan()).output).toBe("plan outside\n");
  });
});
