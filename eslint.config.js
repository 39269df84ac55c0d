const { importX } = require("eslint-plugin-import-x");
const jsdoc = require("eslint-plugin-jsdoc").default ?? require("eslint-plugin-jsdoc");
const tseslint = require("typescript-eslint");

/** Imports point down the layout only; what a folder may not import, and why. */
const boundaries = [
  { target: "./config", from: ["./stacks", "./constructs", "./render", "./cli", "./rehearsal", "./packages"], message: "config is plain data" },
  { target: "./render", from: ["./config", "./stacks", "./constructs", "./cli", "./rehearsal", "./packages"], message: "render is pure" },
  { target: "./constructs", from: ["./stacks", "./cli", "./rehearsal"], message: "constructs don't know who wires them" },
  { target: "./stacks", from: ["./cli", "./rehearsal"], message: "stacks only wire" },
  { target: "./cli", from: ["./stacks", "./constructs", "./render"], message: "commands work on what was synthesized" },
  { target: "./packages/hetzner-local", from: ["./config", "./stacks", "./constructs", "./render", "./cli", "./rehearsal"], message: "the package is independent" },
];

/** An index loads every resource of a provider: a second and 180 MB for the largest. */
const providerIndex = {
  regex: "^@cdktf/provider-[a-z]+(/lib(/(lazy-)?index)?)?$",
  message: "import '@cdktf/provider-<name>/lib/<resource>', never the index of a provider package",
};

const cdktf = { regex: "^(cdktf|@cdktf/.*|constructs)(/|$)", message: "this folder never imports cdktf" };

module.exports = tseslint.config(
  { ignores: ["**/dist/**", "**/lib/**", "**/node_modules/**", "cdktf.out/**", "packages/provider-hcloud/src/**", "results/**", ".gen/**"] },
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strict, ...tseslint.configs.stylistic],
    plugins: { "import-x": importX, jsdoc },
    settings: { "import-x/extensions": [".ts", ".js"], "import-x/resolver": { node: { extensions: [".ts", ".js"] } } },
    rules: {
      "import-x/no-restricted-paths": ["error", { zones: boundaries }],
      "import-x/no-cycle": "error",
      "no-restricted-imports": ["error", { patterns: [providerIndex, { regex: "^(cdktf/|cdktn)", message: "import from 'cdktf' only" }] }],
      "max-lines": ["error", { max: 300 }],
      complexity: ["error", 12],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-extraneous-class": "off",
      "@typescript-eslint/no-empty-function": ["error", { allow: ["methods", "asyncMethods"] }],
    },
  },
  {
    files: ["config/**/*.ts", "render/**/*.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: [cdktf] }] },
  },
  {
    files: ["config/**/*.ts", "render/**/*.ts", "constructs/**/*.ts", "stacks/**/*.ts", "cli/**/*.ts", "rehearsal/**/*.ts", "packages/hetzner-local/src/{index,driver}.ts"],
    rules: {
      "jsdoc/require-jsdoc": ["error", { publicOnly: true, contexts: ["TSInterfaceDeclaration", "TSTypeAliasDeclaration"] }],
    },
  },
  {
    files: ["**/__tests__/**/*.ts"],
    rules: { "max-lines": "off" },
  },
);
