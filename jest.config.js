/** Tests run on the TypeScript sources; workspace packages too, so that no build can be stale. */
module.exports = {
  testEnvironment: "node",
  // the longest suites wait for gates most of their time; more than two would make machines miss their limits
  maxWorkers: 2,
  globalSetup: "<rootDir>/__tests__/support/fill-plugin-cache.ts",
  reporters: ["default", "<rootDir>/tools/jest-counts.js"],
  roots: ["<rootDir>/__tests__", "<rootDir>/packages/hetzner-local"],
  testMatch: ["**/__tests__/**/*.test.ts"],
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/packages/.*/dist/"],
  transform: { "^.+\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" }, target: "es2022" } }] },
  moduleNameMapper: { "^hetzner-local$": "<rootDir>/packages/hetzner-local/src/index.ts" },
};
