/** Reading request bodies: every reader says which field is wrong, and none trusts a type. */
import { invalidInput } from "./errors";
import type { Json } from "./model";

/** A text that must be there and not be empty. */
export function requireText(body: Json, field: string): string {
  const value = body[field];
  if (typeof value !== "string" || value === "") throw invalidInput(field, "must be a text that is not empty");
  return value;
}

/** A text, or nothing where the field is missing or null. */
export function optionalText(body: Json, field: string): string | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw invalidInput(field, "must be a text");
  return value;
}

/** A whole number that must be there. */
export function requireInteger(body: Json, field: string): number {
  const value = optionalInteger(body, field);
  if (value === undefined) throw invalidInput(field, "is required");
  return value;
}

/** A whole number, or nothing where the field is missing or null. */
export function optionalInteger(body: Json, field: string): number | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value)) throw invalidInput(field, "must be a whole number");
  return value;
}

/** A boolean, or nothing where the field is missing or null. */
export function optionalBoolean(body: Json, field: string): boolean | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") throw invalidInput(field, "must be true or false");
  return value;
}

/** One of the given texts. */
export function requireOneOf(body: Json, field: string, allowed: readonly string[]): string {
  const value = requireText(body, field);
  if (!allowed.includes(value)) throw invalidInput(field, `must be one of ${allowed.join(", ")}; got '${value}'`);
  return value;
}

/** An object, or nothing where the field is missing or null. */
export function optionalObject(body: Json, field: string): Json | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalidInput(field, "must be an object");
  return value;
}

/** A list of objects; empty where the field is missing or null. */
export function objectList(body: Json, field: string): Json[] {
  return list(body, field).map((item) => {
    if (!isObject(item)) throw invalidInput(field, "must be a list of objects");
    return item;
  });
}

/** A list of texts; empty where the field is missing or null. */
export function textList(body: Json, field: string): string[] {
  return list(body, field).map((item) => {
    if (typeof item !== "string") throw invalidInput(field, "must be a list of texts");
    return item;
  });
}

/** A list of ids; empty where the field is missing or null. */
export function idList(body: Json, field: string): number[] {
  return list(body, field).map((item) => {
    if (typeof item !== "number") throw invalidInput(field, "must be a list of ids");
    return item;
  });
}

/** An id or a name, which the API accepts in the same field; nothing where it is missing. */
export function optionalIdOrName(body: Json, field: string): string | undefined {
  const value = body[field];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string" && typeof value !== "number") throw invalidInput(field, "must be an id or a name");
  return String(value);
}

/** Whether a parsed value is a JSON object. */
export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(body: Json, field: string): unknown[] {
  const value = body[field];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalidInput(field, "must be a list");
  return value;
}
