/** Runs once, before jest's workers: Terraform's plugin cache is not made for two inits that fill it at once, only for reading. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import { dev } from "../../config/environments/dev";
import { stacksInOrder } from "../../rehearsal/synth";
import { repositoryRoot, Terraform, terraformEnvironment } from "../../rehearsal/terraform";
import { addEnvironment } from "../../stacks/environment";

export default async function fillPluginCache(): Promise<void> {
  const parent = join(repositoryRoot(), ".triplicate");
  mkdirSync(parent, { recursive: true });
  const workspace = mkdtempSync(join(parent, "plugins-"));
  try {
    const app = new App({ outdir: workspace });
    addEnvironment(app, dev, { localState: { directory: join(workspace, "state") } });
    app.synth();
    for (const { name, directory } of stacksInOrder(workspace)) {
      const { exitCode, output } = await new Terraform(directory, terraformEnvironment()).init();
      if (exitCode !== 0) throw new Error(`terraform init of ${name} failed:\n${output}`);
    }
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}
