import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate with its key, as PEM texts. */
export interface Leaf {
  readonly certificate: string;
  readonly key: string;
}

const SETTINGS = `
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`;

/** A certificate authority of its own for a test, made by `openssl`, with Ed25519 keys. */
export class Pki {
  /** The authority's certificate as PEM. */
  readonly ca: string;
  private readonly directory = mkdtempSync(join(tmpdir(), "triplicate-pki-"));
  private count = 0;

  constructor(name = "test authority") {
    writeFileSync(join(this.directory, "settings.cnf"), SETTINGS);
    this.ca = this.make("ca", name, "authority", []).certificate;
  }

  /** Issues a certificate that may serve and dial; `addresses` become IP SANs. */
  issue(commonName: string, addresses: readonly string[] = []): Leaf {
    const names = addresses.map((address) => `IP:${address}`).join(",");
    const signed = ["-CA", this.path("ca.pem"), "-CAkey", this.path("ca.key")];
    const san = names === "" ? [] : ["-addext", `subjectAltName=${names}`];
    return this.make(`leaf-${this.count++}`, commonName, "leaf", [...signed, ...san]);
  }

  /** Removes all keys. */
  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  private make(file: string, commonName: string, extensions: string, more: readonly string[]): Leaf {
    const [certificate, key] = [this.path(`${file}.pem`), this.path(`${file}.key`)];
    const request = ["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-config", this.path("settings.cnf")];
    const rest = ["-extensions", extensions, "-subj", `/CN=${commonName}`, "-keyout", key, "-out", certificate, ...more];
    execFileSync("openssl", [...request, ...rest], { stdio: "pipe" });
    return { certificate: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") };
  }

  private path(file: string): string {
    return join(this.directory, file);
  }
}

/** Finds a loopback range `127.X.Y` in which nobody listens on the agents' port. */
export async function freeLoopback(port = 9443): Promise<string> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const range = `127.${20 + Math.floor(Math.random() * 41)}.${Math.floor(Math.random() * 256)}`;
    const free = await Promise.all([1, 2, 11, 31].map((host) => canListen(`${range}.${host}`, port)));
    if (free.every(Boolean)) return range;
  }
  throw new Error("no free loopback range");
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
