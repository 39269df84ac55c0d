/**
 * Labels and label selectors.
 *
 * Grammar as documented: keys with an optional DNS prefix, names and values of at most 63 characters; selectors `k`, `!k`,
 * `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, joined by commas (all must hold).
 * @see https://docs.hetzner.cloud/reference/cloud#label-selector
 */
import { invalidInput } from "./errors";
import { isObject } from "./input";
import type { Json, Labels } from "./model";

const NAME = /^[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;
const PREFIX = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

type Requirement = (labels: Labels) => boolean;

/** The labels of a request body: checked, or nothing where the field is missing or null. */
export function readLabels(body: Json): Labels | undefined {
  const value = body.labels;
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalidInput("labels", "must be an object of texts");
  const labels: Labels = {};
  for (const [key, text] of Object.entries(value)) {
    if (!isKey(key)) throw invalidInput("labels", `'${key}' is not a valid key`);
    if (typeof text !== "string" || !isValue(text)) throw invalidInput("labels", `the value of '${key}' is not valid`);
    labels[key] = text;
  }
  return labels;
}

/** Turns a selector into a test; refuses one that does not follow the grammar. An empty selector matches everything. */
export function parseSelector(selector: string): Requirement {
  const requirements = splitOutsideParentheses(selector).map((part) => parseRequirement(part.trim()));
  return (labels) => requirements.every((holds) => holds(labels));
}

/** Whether labels match a selector. */
export function matches(labels: Labels, selector: string): boolean {
  return parseSelector(selector)(labels);
}

function parseRequirement(part: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part);
  if (set !== null) return setRequirement(key(set[1]), set[2] === "in", set[3].split(",").map((v) => value(v.trim())));
  const comparison = /^([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)$/.exec(part);
  if (comparison !== null) {
    return setRequirement(key(comparison[1]), comparison[2] !== "!=", [value(comparison[3])]);
  }
  const name = key(part.replace(/^!\s*/, ""));
  return part.startsWith("!") ? (labels) => !(name in labels) : (labels) => name in labels;
}

/** Negative requirements also hold where the key is missing. */
function setRequirement(name: string, positive: boolean, values: readonly string[]): Requirement {
  return (labels) => (name in labels && values.includes(labels[name])) === positive;
}

function splitOutsideParentheses(selector: string): string[] {
  if (selector.trim() === "") return [];
  return selector.split(/,(?![^(]*\))/);
}

function key(text: string): string {
  if (!isKey(text)) throw invalidInput("label_selector", `'${text}' is not a valid key`);
  return text;
}

function value(text: string): string {
  if (!isValue(text)) throw invalidInput("label_selector", `'${text}' is not a valid value`);
  return text;
}

function isKey(text: string): boolean {
  const slash = text.lastIndexOf("/");
  if (slash === -1) return NAME.test(text);
  const prefix = text.slice(0, slash);
  return PREFIX.test(prefix) && prefix !== "hetzner.cloud" && NAME.test(text.slice(slash + 1));
}

function isValue(text: string): boolean {
  return text === "" || NAME.test(text);
}
