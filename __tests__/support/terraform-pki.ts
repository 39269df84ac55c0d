import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { TlsProvider } from "@cdktf/provider-tls/lib/provider";
import { App, TerraformOutput, TerraformStack } from "cdktf";

import { CertificateAuthority } from "../../constructs/identity/certificate-authority";
import { type Issuer, LeafCertificate } from "../../constructs/identity/leaf-certificate";
import { type Credentials } from "../../constructs/identity/machine-identity";
import { address, terraformData } from "../../constructs/terraform";
import { Terraform, terraformEnvironment } from "../../rehearsal/terraform";

/** Certificates as real Terraform makes them with our constructs. */
export interface TerraformPki {
  /** By common name; `operator` is a client only. */
  readonly leaves: Readonly<Record<string, Credentials>>;
  /** The newest authority, which is trusted already and signs nothing yet. */
  readonly next: string;
}

/** The addresses of each machine by its name. */
export type Machines = Readonly<Record<string, readonly string[]>>;

/** Applies a stack with an authority of two generations and a leaf for each machine; about three seconds. */
export async function terraformPki(machines: Machines, authority = "dev machines"): Promise<TerraformPki> {
  const directory = mkdtempSync(join(tmpdir(), "triplicate-terraform-pki-"));
  try {
    synthesize(directory, machines, authority);
    const terraform = new Terraform(join(directory, "stacks", "pki"), terraformEnvironment());
    for (const step of [() => terraform.init(), () => terraform.plan(), () => terraform.apply()]) {
      const { exitCode, output } = await step();
      if (exitCode === 1) throw new Error(output);
    }
    const state = (await terraform.state()) as { values: { outputs: Record<string, { value: Credentials }> } };
    const { next, ...leaves } = Object.fromEntries(Object.entries(state.values.outputs).map(([name, { value }]) => [name, value]));
    return { leaves, next: next.certificate };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function synthesize(outdir: string, machines: Machines, name: string): void {
  const app = new App({ outdir });
  const stack = new TerraformStack(app, "pki");
  new TlsProvider(stack, "tls");
  const authority = new CertificateAuthority(stack, "authority", { name, newest: 2 });
  const issuer: Issuer = {
    certificate: authority.certificate(1),
    privateKey: authority.privateKey(1),
    trustBundle: [1, 2].map((generation) => authority.certificate(generation)).join(""),
  };
  const renewedBy = address(terraformData(stack, "generation", { input: 1 }));
  const output = (name: string, value: unknown) =>
    new TerraformOutput(stack, `output-${name}`, { value, sensitive: true }).overrideLogicalId(name);
  for (const [commonName, addresses] of Object.entries({ ...machines, operator: undefined })) {
    output(commonName, new LeafCertificate(stack, commonName, { issuer, commonName, addresses, renewedBy }).credentials);
  }
  output("next", { certificate: authority.certificate(2) });
  app.synth();
}
