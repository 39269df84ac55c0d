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
      { path: `${directory}/ca.pem`, content: trustBundle, maxBytes: 2 * MAX_CERTIFICATE_BYTES, fingerprint: trustBundle },
      { path: `${directory}/machine.pem`, content: certificate, maxBytes: MAX_CERTIFICATE_BYTES, fingerprint: this.issuer },
      { path: `${directory}/machine.key`, content: privateKey, maxBytes: MAX_KEY_BYTES },
    ];
  }
}

/** A P-256 certificate with a name and two addresses has about 850 bytes as PEM. */
const MAX_CERTIFICATE_BYTES = 1200;

/** A P-256 key has 227 bytes as PEM. */
const MAX_KEY_BYTES = 300;
