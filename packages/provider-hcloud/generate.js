#!/usr/bin/env node
/**
 * Generates this package from the provider's own schema, or moves it to another provider version.
 *
 *   node generate.js                  schema.json → src/ → lib/ (compiled); nothing to do when lib/ is newer
 *   node generate.js --provider 1.69.0   asks the real provider for its schema first, and sets the package's version
 *
 * Needs no jsii: the generator's inner module is used directly, because the package's main module requires
 * jsii-pacmak without declaring it.
 */
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { parseArgs } = require("node:util");

const SOURCE = "hetznercloud/hcloud";
const REGISTRY = `registry.terraform.io/${SOURCE}`;
const schemaFile = path.join(__dirname, "schema.json");
const packageFile = path.join(__dirname, "package.json");
const src = path.join(__dirname, "src");
const lib = path.join(__dirname, "lib");

/** Writes schema.json as the real provider of this version prints it. */
function takeSchema(version) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "provider-hcloud-"));
  const terraform = process.env.TERRAFORM_BINARY_NAME ?? "terraform";
  try {
    const required = { required_providers: { hcloud: { source: SOURCE, version } } };
    fs.writeFileSync(path.join(dir, "main.tf.json"), JSON.stringify({ terraform: required }));
    execFileSync(terraform, ["init", "-input=false"], { cwd: dir, stdio: ["ignore", "ignore", "inherit"] });
    const printed = execFileSync(terraform, ["providers", "schema", "-json"], { cwd: dir, maxBuffer: 1 << 28 });
    const schema = { ...JSON.parse(printed), provider_versions: { [REGISTRY]: version } };
    fs.writeFileSync(schemaFile, `${JSON.stringify(schema)}\n`);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
  const manifest = JSON.parse(fs.readFileSync(packageFile, "utf8"));
  fs.writeFileSync(packageFile, `${JSON.stringify({ ...manifest, version }, null, 2)}\n`);
}

/** Writes the TypeScript sources, one folder per resource, and lifts them to the paths that users import. */
async function generate(schema) {
  // loading the generator runs `terraform version`, which would complain of a configuration file that is not there
  delete process.env.TF_CLI_CONFIG_FILE;
  const { CodeMaker } = require("codemaker");
  const { TerraformProviderGenerator } = require("@cdktf/provider-generator/lib/get/generator/provider-generator");
  const { ConstructsMakerProviderTarget, TerraformProviderConstraint, LANGUAGES } = require("@cdktf/commons");
  const code = new CodeMaker();
  const target = new ConstructsMakerProviderTarget(
    new TerraformProviderConstraint(`${SOURCE}@${schema.provider_versions[REGISTRY]}`),
    LANGUAGES[0],
  );
  new TerraformProviderGenerator(code, schema).generate(target);
  fs.rmSync(src, { recursive: true, force: true });
  const out = fs.mkdtempSync(path.join(os.tmpdir(), "provider-hcloud-"));
  await code.save(out);
  fs.cpSync(path.join(out, "providers", "hcloud"), src, { recursive: true });
  fs.rmSync(out, { recursive: true, force: true });
}

/** Compiles src/ to lib/ with declarations. */
function compile() {
  fs.rmSync(lib, { recursive: true, force: true });
  execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", __dirname], { stdio: "inherit" });
}

/** Whether lib/ was made from the schema, generator and manifest that are here now. */
function isCurrent() {
  const made = path.join(lib, "index.js");
  if (!fs.existsSync(made)) return false;
  const inputs = [schemaFile, packageFile, __filename].map((file) => fs.statSync(file).mtimeMs);
  return fs.statSync(made).mtimeMs > Math.max(...inputs);
}

async function main() {
  const { values } = parseArgs({ options: { provider: { type: "string" } } });
  if (values.provider) takeSchema(values.provider);
  if (isCurrent()) return;
  await generate(JSON.parse(fs.readFileSync(schemaFile, "utf8")));
  compile();
  console.log(`@cdktf/provider-hcloud ${require(packageFile).version}: ${fs.readdirSync(lib).length} modules`);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(2);
});
