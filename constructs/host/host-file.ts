/** A file that lands on a host, wholly known at synth. */
export interface HostFile {
  /** Absolute path on the host. */
  readonly path: string;
  readonly content: string;
  /**
   * Octal permissions.
   *
   * @default "0644"
   */
  readonly mode?: string;
  /**
   * `user:group`; both must exist in the base image, since files are written before packages are installed.
   *
   * @default "root:root"
   */
  readonly owner?: string;
  /**
   * Whether no other host has the same content. Such a file is packed on its own; what hosts share is packed once for all.
   *
   * @default false
   */
  readonly isUnique?: boolean;
}

/** Where what only Terraform knows lands: a file system in memory, filled again at each boot. */
export const RUNTIME_DIRECTORY = "/run/triplicate";

/** A file below `/run/triplicate` whose content only Terraform knows, at apply: certificates, keys, tokens. */
export interface RuntimeFile {
  /** Absolute path on the host, below `/run/triplicate`. */
  readonly path: string;
  /** The content, a token. */
  readonly content: string;
  /** The most bytes that the content can have; user_data is checked for its size at synth. */
  readonly maxBytes: number;
  /**
   * Whether the content is letters, digits and the like, without a newline: it then takes no more than its bytes in user_data.
   *
   * @default false
   */
  readonly isOneWord?: boolean;
  /**
   * A value that is known at *plan* time and differs whenever the content does; `undefined` when something that is known
   * at synth, such as the generation, changes with it. It decides what counts as a replacement before it happens.
   *
   * @default - the content does not count
   */
  readonly fingerprint?: string;
}

/** A value of `host.env` that only Terraform knows: an address, an id. One line, no single quote. */
export interface RuntimeValue {
  /** The variable's name: `PUBLIC_ADDRESS`. */
  readonly name: string;
  /** The value, a token. */
  readonly value: string;
  /** The most bytes that the value can have. */
  readonly maxBytes: number;
  /**
   * As in {@link RuntimeFile.fingerprint}.
   *
   * @default - the value itself, which must then be known at plan time
   */
  readonly fingerprint?: string;
}
