import { PrivateKey } from "@cdktf/provider-tls/lib/private-key";
import { SelfSignedCert } from "@cdktf/provider-tls/lib/self-signed-cert";
import { TerraformIterator } from "cdktf";
import { Construct } from "constructs";
import { instance } from "../terraform";

/** What a certificate authority is. */
export interface CertificateAuthorityProps {
  /** Whose authority it is, in its certificates' common name: `dev machines`. Changing it makes every authority anew. */
  readonly name: string;
  /**
   * The newest generation; all from 1 up to it exist, so that raising it only adds and nothing that is still trusted goes.
   */
  readonly newest: number;
}

/**
 * The generations of a certificate authority: P-256 keys and self-signed certificates.
 *
 * Trust is always a bundle of two, so a rotation is two rollouts: sign with the next one, then trust the one after it.
 */
export class CertificateAuthority extends Construct {
  /** Ten years, in hours: an authority outlives many 400-day leaf certificates, and is rotated on purpose. */
  public static readonly VALIDITY_HOURS = 87_600;

  private readonly key: PrivateKey;
  private readonly cert: SelfSignedCert;

  constructor(scope: Construct, id: string, props: CertificateAuthorityProps) {
    super(scope, id);
    const generations = Array.from({ length: props.newest }, (_, index) => String(index + 1));
    const forEach = TerraformIterator.fromMap(Object.fromEntries(generations.map((name) => [name, name])));
    this.key = new PrivateKey(this, "Key", { forEach, algorithm: "ECDSA", ecdsaCurve: "P256" });
    this.key.overrideLogicalId(id);
    this.cert = new SelfSignedCert(this, "Resource", {
      forEach,
      privateKeyPem: `\${tls_private_key.${id}[each.key].private_key_pem}`,
      subject: [{ commonName: `${props.name} \${each.key}`, organization: "triplicate" }],
      isCaCertificate: true,
      setSubjectKeyId: true,
      setAuthorityKeyId: true,
      validityPeriodHours: CertificateAuthority.VALIDITY_HOURS,
      // renewal is a rotation, never a side effect of a plan
      earlyRenewalHours: 0,
      allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
    });
    this.cert.overrideLogicalId(id);
  }

  /** The certificate of one generation, PEM. */
  public certificate(generation: number): string {
    return instance(this.cert, String(generation), "cert_pem");
  }

  /** The private key of one generation, PEM. */
  public privateKey(generation: number): string {
    return instance(this.key, String(generation), "private_key_pem");
  }
}
