/** SSH keys: records only. */
import { createHash } from "node:crypto";
import { apiError, invalidInput } from "../errors";
import { requireText } from "../input";
import type { Json, SshKey } from "../model";
import { created, GONE, newEntity, registerResource, type Call, type Reply, type ResourceKind, type Routes } from "./shared";

const KIND: ResourceKind<"ssh_keys"> = {
  path: "ssh_keys",
  singular: "ssh_key",
  present,
  create,
  remove: (call, key) => {
    call.project.remove("ssh_keys", key.id);
    return GONE;
  },
  filters: { fingerprint: (_call, key, fingerprint) => key.fingerprint === fingerprint },
};

export function registerSshKeys(routes: Routes): void {
  registerResource(routes, KIND);
}

function present(_call: Call, key: SshKey): Json {
  const { id, name, labels, created: createdAt, fingerprint, publicKey } = key;
  return { id, name, labels, created: createdAt, fingerprint, public_key: publicKey };
}

function create(call: Call): Reply {
  const publicKey = requireText(call.body, "public_key");
  const fingerprint = fingerprintOf(publicKey);
  if (call.project.all("ssh_keys").some((key) => key.fingerprint === fingerprint)) {
    throw apiError("uniqueness_error", "SSH key with the same fingerprint already exists");
  }
  const key = call.project.add("ssh_keys", { ...newEntity(call, KIND, requireText(call.body, "name")), publicKey, fingerprint });
  return created({ ssh_key: present(call, key) });
}

/** MD5 in hexadecimal pairs: the form that Hetzner shows. */
function fingerprintOf(publicKey: string): string {
  const [type, data] = publicKey.trim().split(/\s+/);
  if (!/^(ssh|ecdsa|sk)-/.test(type) || data === undefined) throw invalidInput("public_key", "is not an OpenSSH public key");
  const digest = createHash("md5").update(Buffer.from(data, "base64")).digest("hex");
  return digest.replace(/(..)(?=.)/g, "$1:");
}
