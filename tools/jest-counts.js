/** Leaves jest's counts in `results/jest.json`, for whoever adds them up, and prints them in one line. */
const fs = require("node:fs");
const path = require("node:path");

class JestCounts {
  onRunComplete(_contexts, results) {
    const directory = path.resolve(__dirname, "..", "results");
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } = results;
    fs.mkdirSync(directory, { recursive: true });
    fs.writeFileSync(
      path.join(directory, "jest.json"),
      `${JSON.stringify({ numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites }, null, 2)}\n`,
    );
    console.log(`${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed, ${numPendingTests + numTodoTests} skipped`);
  }
}

module.exports = JestCounts;
