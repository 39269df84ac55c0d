import { App } from "cdktf";
import { Environment } from "../config/environment";
import { activeDataCenters } from "../config/topology";
import { DataCenterStack } from "./data-center";
import { EnvironmentStackProps } from "./environment-stack";
import { FoundationStack } from "./foundation";

/**
 * Adds the stacks of an environment: the foundation, then one data center after another, each waiting for the one before. A
 * lost data center has no stack; the chain goes on without it.
 */
export function addEnvironment(app: App, environment: Environment, options: Omit<EnvironmentStackProps, "environment"> = {}): void {
  let previous: FoundationStack | DataCenterStack = new FoundationStack(app, { environment, ...options });
  for (const dataCenter of activeDataCenters(environment)) {
    const stack = new DataCenterStack(app, { environment, dataCenter, ...options });
    stack.addDependency(previous);
    previous = stack;
  }
}
