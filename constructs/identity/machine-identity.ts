import { RuntimeFile } from "../host/host-file";

/** What a machine or an operator shows to health agents, and whom it trusts. PEM texts; tokens. */
export interface Credentials {
  /** The trusted authorities: this one and the next. */
  readonly trustBundle: string;
  readonly certificate: string;
  readonly privateKey: string;
}

/** A machine's credentials, as files for its host. */
export class MachineIdentity {
  /**
   * @param credentials What the machine shows and trusts.
   * @param issuer The certificate of the authority that signs, known at plan time: the machine is replaced with it.
   */
  constructor(
    private readonly credentials: Credentials,
    private readonly issuer: string,
  ) {}

  /** `ca.pem`, `machine.pem` and `machine.key` below a directory. */
  public files(directory: string): RuntimeFile[] {
    const { trustBundle, certificate, privateKey } = this.credentials;
    return [
      { path: `${directory}/ca.pem`, content: trustBundle, maxBytes: 2 * MAX_AUTHORITY_BYTES, fingerprint: trustBundle },
      { path: `${directory}/machine.pem`, content: certificate, maxBytes: MAX_CERTIFICATE_BYTES, fingerprint: this.issuer },
      { path: `${directory}/machine.key`, content: privateKey, maxBytes: MAX_KEY_BYTES },
    ];
  }
}

/**
 * PEM of a machine's P-256 certificate: 916 bytes with the longest names (an environment's has 20 characters, a host's 63,
 * and it is there twice), two addresses and the longest serial number and signature. And 16 bytes of DER for what a newer
 * provider may add.
 */
const MAX_CERTIFICATE_BYTES = 940;

/** PEM of an authority's certificate: 717 bytes with the longest environment's name, the same otherwise. */
const MAX_AUTHORITY_BYTES = 740;

/** PEM of a P-256 key: always as long. */
const MAX_KEY_BYTES = 227;
