import { SUPPORTED_IMAGES } from "../versions";
import { quote } from "./rule";
import type { Problem } from "../errors";
import type { Draft } from "./draft";

/** Without dots: a bucket's name with a dot does not match the certificate of its host name. */
const BUCKET = /^[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])$/;
const REGION = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const KEY_PREFIX = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/** Whether the state's place can be one. */
export function stateBackend({ backend }: Draft): readonly Problem[] {
  const { bucket, endpoint, region, keyPrefix = "" } = backend;
  return [
    ...check(BUCKET, bucket, {
      path: "backend.bucket",
      allowed: "3 to 63 lower case letters, digits and hyphens, no hyphen at either end",
      fix: "choose another name",
    }),
    ...endpointUrl(endpoint),
    ...check(REGION, region, { path: "backend.region", allowed: "lower case letters, digits and hyphens", fix: 'write it like "fsn1"' }),
    ...check(KEY_PREFIX, keyPrefix, {
      path: "backend.keyPrefix",
      allowed: "letters, digits, dots, hyphens and underscores, with slashes between but at neither end",
      fix: 'write it like "team/dev"',
    }),
  ];
}

/** Whether host files are written for the image. */
export function images({ image }: Draft): readonly Problem[] {
  if (image === "" || SUPPORTED_IMAGES.includes(image)) {
    return [];
  }
  const allowed = SUPPORTED_IMAGES.map(quote).join(", ");
  return [{ path: "image", got: quote(image), allowed, fix: "remove it, packages and units are made for that one" }];
}

function check(grammar: RegExp, value: string, rest: Pick<Problem, "path" | "allowed" | "fix">): readonly Problem[] {
  return value === "" || grammar.test(value) ? [] : [{ ...rest, got: quote(value) }];
}

function endpointUrl(endpoint: string): readonly Problem[] {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (endpoint === "" || (url?.protocol === "https:" && url.origin === endpoint)) {
    return [];
  }
  // A URL with credentials is not shown: messages end up in logs.
  const got = url !== undefined && (url.username !== "" || url.password !== "") ? "a URL with credentials" : quote(endpoint);
  const fix = url === undefined || url.host === "" ? "write the whole URL" : `write ${quote(`https://${url.host}`)}`;
  return [{ path: "backend.endpoint", got, allowed: 'an https URL without a path, like "https://fsn1.your-objectstorage.com"', fix }];
}
