import { CertRequest } from "@cdktf/provider-tls/lib/cert-request";
import { LocallySignedCert } from "@cdktf/provider-tls/lib/locally-signed-cert";
import { PrivateKey } from "@cdktf/provider-tls/lib/private-key";
import { Construct } from "constructs";
import { Credentials } from "./machine-identity";

/** The authority that signs, and those that are trusted; PEM texts, known at plan time. */
export interface Issuer {
  readonly certificate: string;
  readonly privateKey: string;
  readonly trustBundle: string;
}

/** What a leaf certificate says. */
export interface LeafCertificateProps {
  readonly issuer: Issuer;
  /** The machine's name, or `operator`. */
  readonly commonName: string;
  /**
   * The addresses that it is valid for.
   *
   * @default - none: a client certificate only
   */
  readonly addresses?: readonly string[];
  /** The Terraform address of what renews it when it changes: the data center's generation. */
  readonly renewedBy: string;
}

/**
 * A P-256 key with a certificate for both ends of mutual TLS.
 *
 * It is renewed when {@link LeafCertificateProps.renewedBy} changes, never because time has passed: its machine is replaced
 * with it.
 */
export class LeafCertificate extends Construct {
  /** 400 days, in hours; `/metrics` counts the days down. */
  public static readonly VALIDITY_HOURS = 9_600;

  public readonly credentials: Credentials;

  constructor(scope: Construct, id: string, props: LeafCertificateProps) {
    super(scope, id);
    const key = new PrivateKey(this, "Key", {
      algorithm: "ECDSA",
      ecdsaCurve: "P256",
      lifecycle: { replaceTriggeredBy: [props.renewedBy] },
    });
    key.overrideLogicalId(id);
    const request = new CertRequest(this, "Request", {
      privateKeyPem: key.privateKeyPem,
      subject: [{ commonName: props.commonName, organization: "triplicate" }],
      dnsNames: props.addresses ? [props.commonName] : undefined,
      ipAddresses: props.addresses ? [...props.addresses] : undefined,
    });
    request.overrideLogicalId(id);
    const certificate = new LocallySignedCert(this, "Resource", {
      certRequestPem: request.certRequestPem,
      caCertPem: props.issuer.certificate,
      caPrivateKeyPem: props.issuer.privateKey,
      setSubjectKeyId: true,
      validityPeriodHours: LeafCertificate.VALIDITY_HOURS,
      earlyRenewalHours: 0,
      allowedUses: ["digital_signature", "client_auth", ...(props.addresses ? ["server_auth"] : [])],
    });
    certificate.overrideLogicalId(id);
    this.credentials = {
      trustBundle: props.issuer.trustBundle,
      certificate: certificate.certPem,
      privateKey: key.privateKeyPem,
    };
  }
}
