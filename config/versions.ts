/**
 * Every version that is pinned, with the reason. A version moves by a commit of its own, never by a build finding a newer
 * one: the bytes that a machine is made of must not depend on the day.
 */

/** A Terraform provider, at exactly one version. */
export interface ProviderVersion {
  /** Address in the Terraform registry: `hetznercloud/hcloud`. */
  readonly source: string;

  /** The one version that is accepted. */
  readonly version: string;

  /** Why this one. */
  readonly reason: string;
}

/** The Terraform providers of all stacks. Raising one can change what a plan says about every resource: read the plan. */
export const PROVIDERS = Object.freeze({
  hcloud: {
    source: "hetznercloud/hcloud",
    version: "1.68.0",
    reason: "the API dropped datacenter on 2026-07-01 and providers from 1.67 on with it; 1.68 also warns about retired server types",
  },
  tls: {
    source: "hashicorp/tls",
    version: "4.1.0",
    reason: "makes the certificates and the Ed25519 keys; the version that the bindings were made from",
  },
  random: {
    source: "hashicorp/random",
    version: "3.7.2",
    reason: "makes tokens and disk keys; the version that the bindings were made from",
  },
  http: {
    source: "hashicorp/http",
    version: "3.5.0",
    reason: "the health gate needs retries and client certificates in one data source; the version that the bindings were made from",
  },
} satisfies Record<string, ProviderVersion>);

/**
 * The operating system image that machines start from.
 *
 * Debian 13 (trixie) has PostgreSQL 17, systemd 257 and a 6.12 kernel, and security support to 2028. Hetzner refreshes the
 * image under the same name, so two machines of one name can start from different builds: packages that matter are pinned
 * on their own. Another image replaces every machine.
 */
export const IMAGE = "debian-13";

/** Images whose packages, units and file paths the host files are written for. */
export const SUPPORTED_IMAGES: readonly string[] = Object.freeze([IMAGE]);

/** Terraform or OpenTofu: both lock a state in an S3 bucket by a file beside it from this version on. */
export const TERRAFORM = ">= 1.10";
