import { defineEnvironments } from "../environment";
import { dev } from "./dev";
import { production } from "./production";
import { staging } from "./staging";

/** Every environment of the app. All are in one app, so that one list shows every stack. */
export const environments = defineEnvironments([dev, staging, production]);
