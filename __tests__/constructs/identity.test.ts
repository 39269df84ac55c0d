import { X509Certificate } from "node:crypto";
import { LIMITS } from "../../config/catalog";
import { MachineIdentity } from "../../constructs";
import { type TerraformPki, terraformPki } from "../support/terraform-pki";

jest.setTimeout(60_000);

/** How much longer than what was made a bound may be, in bytes. */
const SLACK = 32;

/** The longest names and addresses that there can be; more than one, as serial numbers and signatures vary in length. */
const ADDRESSES = ["255.255.255.255", "10.255.255.255"];
const NAMES = Array.from({ length: 12 }, (_, index) => String(index).padStart(LIMITS.nameLength, "host-"));
const AUTHORITY = `${"e".repeat(20)} machines`;

let pki: TerraformPki;

beforeAll(async () => {
  pki = await terraformPki(Object.fromEntries(NAMES.map((name) => [name, ADDRESSES])), AUTHORITY);
});

test.each(NAMES)("what Terraform makes for %s is as long as was counted with, or little shorter", (name) => {
  const certificate = new X509Certificate(pki.leaves[name].certificate);
  expect(certificate.subjectAltName).toBe([`DNS:${name}`, ...ADDRESSES.map((address) => `IP Address:${address}`)].join(", "));
  for (const { path, content, maxBytes } of new MachineIdentity(pki.leaves[name], "").files("/tls")) {
    const bytes = Buffer.byteLength(content);
    const loosest = path.endsWith("ca.pem") ? 2 * SLACK : SLACK;
    expect([path, bytes, bytes <= maxBytes && bytes >= maxBytes - loosest]).toEqual([path, bytes, true]);
    // as it is counted in user_data
    expect(JSON.stringify(content).length).toBeLessThanOrEqual(maxBytes * 1.05);
  }
});
