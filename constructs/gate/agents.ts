import { Credentials } from "../identity/machine-identity";
import { HEALTH_PORT } from "../../config/access";

/** Milliseconds for an answer: an agent gives its own checks 10 s and the machines that it asks 24 s in all. */
export const ANSWER_TIMEOUT_MS = 30_000;

/**
 * A question to the agent that answers for a data center; `address` and `members` are Terraform expressions or literals.
 *
 * With `wait`, in seconds, the agent does the waiting, and its answer is one that the http provider shows. Without, a bad
 * answer is one that the provider asks for again, and gives up on without showing it.
 */
export function healthUrl(address: string, members: string, more: Readonly<Record<string, string>> = {}): string {
  const query = Object.entries({ members, ...more }).map(([name, value]) => `${name}=${value}`);
  return `https://${address}:${HEALTH_PORT}/health/data-center?${query.join("&")}`;
}

/** The arguments of a `data "http"` that makes mutual TLS work. */
export function mutualTls(credentials: Credentials): { caCertPem: string; clientCertPem: string; clientKeyPem: string } {
  return {
    caCertPem: credentials.trustBundle,
    clientCertPem: credentials.certificate,
    clientKeyPem: credentials.privateKey,
  };
}

/**
 * The condition on a `data "http"` that asks an agent: an answer other than 200 stops the plan or the apply.
 *
 * @param message What to say then, given the agent's own summary as an expression in a string.
 */
export function healthy(message: (summary: string) => string): { condition: string; errorMessage: string } {
  const summary = "${try(jsondecode(self.response_body).summary, self.response_body)}";
  return { condition: "${self.status_code == 200}", errorMessage: message(summary) };
}
