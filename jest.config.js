/** Tests run on the TypeScript sources; workspace packages too, so that no build can be stale. */
module.exports = {
  testEnvironment: "node",
  // Terraform's plugin cache is not made for two inits at once, and two cores are busy with one
  maxWorkers: 1,
  reporters: ["default", "<rootDir>/tools/jest-counts.js"],
  roots: ["<rootDir>/__tests__", "<rootDir>/packages/hetzner-local"],
  testMatch: ["**/__tests__/**/*.test.ts"],
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/packages/.*/dist/"],
  transform: { "^.+\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" }, target: "es2022" } }] },
  moduleNameMapper: { "^hetzner-local$": "<rootDir>/packages/hetzner-local/src/index.ts" },
};
