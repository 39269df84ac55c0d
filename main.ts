import { resolve } from "node:path";
import { App } from "cdktf";
import { environments } from "./config/environments";
import { skipCreationStacks } from "./stacks/creation-stacks";
import { addEnvironment } from "./stacks/environment";

/** Set by rehearsals: keep the state in this directory, not in the environments' buckets. */
const { TRIPLICATE_LOCAL_STATE: directory } = process.env;
const localState = directory ? { directory: resolve(directory) } : undefined;

skipCreationStacks();
const app = new App();
for (const environment of environments) addEnvironment(app, environment, { localState });
app.synth();
