/** Identity, network and storage: what each construct makes by default, and what its properties change. */
import { TerraformStack } from "cdktf";
import {
  CertificateAuthority,
  DnsZone,
  Firewall,
  Ingress,
  LeafCertificate,
  MachineIdentity,
  PersistentVolumes,
  PlacementGroups,
  PrimaryAddresses,
  PrivateNetwork,
  SlotKeys,
} from "../../constructs";
import { resource, StackJson, synthesizeStack } from "../support/synth";
import { TerraformOutput } from "cdktf";

const COMMON = { labels: { environment: "test" }, deleteProtection: true };
const PERSISTENT = { labels: { environment: "test" }, delete_protection: true };

/** Synthesizes with what is asked as outputs by name. */
function synthesize(build: (stack: TerraformStack) => Record<string, unknown>): StackJson {
  return synthesizeStack((stack) => {
    Object.entries(build(stack)).forEach(([name, value]) => new TerraformOutput(stack, name, { value }));
  });
}

function outputs({ output = {} }: StackJson): Record<string, unknown> {
  return Object.fromEntries(Object.entries(output).map(([name, { value }]) => [name, value]));
}

describe("certificate authority", () => {
  const stack = synthesize((scope) => {
    const authority = new CertificateAuthority(scope, "authority", { name: "test machines", newest: 3 });
    return { certificate: authority.certificate(2), key: authority.privateKey(3), bundle: [1, 2].map((n) => authority.certificate(n)).join("") };
  });

  test("has every generation up to the newest, with P-256 keys", () => {
    const generations = { "1": "1", "2": "2", "3": "3" };
    expect(resource(stack, "tls_private_key")).toEqual({ for_each: generations, algorithm: "ECDSA", ecdsa_curve: "P256" });
    expect(resource(stack, "tls_self_signed_cert")).toMatchObject({
      for_each: generations,
      private_key_pem: "${tls_private_key.authority[each.key].private_key_pem}",
      subject: [{ common_name: "test machines ${each.key}", organization: "triplicate" }],
      is_ca_certificate: true,
      set_subject_key_id: true,
    });
  });

  test("lives ten years, and no plan renews it", () => {
    expect(resource(stack, "tls_self_signed_cert")).toMatchObject({ validity_period_hours: 87_600, early_renewal_hours: 0 });
  });

  test("may sign certificates and do nothing else", () => {
    expect(resource(stack, "tls_self_signed_cert").allowed_uses).toEqual(["cert_signing", "crl_signing", "digital_signature"]);
  });

  test("is read by generation; several make a bundle", () => {
    expect(outputs(stack)).toEqual({
      certificate: '${tls_self_signed_cert.authority["2"].cert_pem}',
      key: '${tls_private_key.authority["3"].private_key_pem}',
      bundle: '${tls_self_signed_cert.authority["1"].cert_pem}${tls_self_signed_cert.authority["2"].cert_pem}',
    });
  });
});

describe("leaf certificate", () => {
  const ISSUER = { certificate: "CERTIFICATE", privateKey: "KEY", trustBundle: "BUNDLE" };

  function leaf(addresses?: string[]): StackJson {
    return synthesize((scope) => {
      const { credentials } = new LeafCertificate(scope, "web-1", { issuer: ISSUER, commonName: "web-1", addresses, renewedBy: "terraform_data.generation" });
      return { ...credentials };
    });
  }

  test("of a machine serves its addresses and its name, and dials", () => {
    const stack = leaf(["10.0.1.9"]);
    expect(resource(stack, "tls_cert_request")).toEqual({
      private_key_pem: "${tls_private_key.web-1.private_key_pem}",
      subject: [{ common_name: "web-1", organization: "triplicate" }],
      dns_names: ["web-1"],
      ip_addresses: ["10.0.1.9"],
    });
    expect(resource(stack, "tls_locally_signed_cert")).toEqual({
      cert_request_pem: "${tls_cert_request.web-1.cert_request_pem}",
      ca_cert_pem: "CERTIFICATE",
      ca_private_key_pem: "KEY",
      set_subject_key_id: true,
      validity_period_hours: 9_600,
      early_renewal_hours: 0,
      allowed_uses: ["digital_signature", "client_auth", "server_auth"],
    });
  });

  test("without addresses only dials", () => {
    const stack = leaf();
    expect(Object.keys(resource(stack, "tls_cert_request"))).toEqual(["private_key_pem", "subject"]);
    expect(resource(stack, "tls_locally_signed_cert").allowed_uses).toEqual(["digital_signature", "client_auth"]);
  });

  test("gets another key when it is told to renew", () => {
    expect(resource(leaf(), "tls_private_key")).toEqual({
      algorithm: "ECDSA",
      ecdsa_curve: "P256",
      lifecycle: { replace_triggered_by: ["terraform_data.generation"] },
    });
  });

  test("gives its credentials with the trust bundle", () => {
    expect(outputs(leaf())).toEqual({
      trustBundle: "BUNDLE",
      certificate: "${tls_locally_signed_cert.web-1.cert_pem}",
      privateKey: "${tls_private_key.web-1.private_key_pem}",
    });
  });

  test("becomes three files; what only the apply knows counts by its issuer", () => {
    const files = new MachineIdentity({ trustBundle: "BUNDLE", certificate: "LEAF", privateKey: "KEY" }, "CERTIFICATE").files("/run/triplicate/tls");
    expect(files.map(({ path, content, fingerprint }) => [path, content, fingerprint])).toEqual([
      ["/run/triplicate/tls/ca.pem", "BUNDLE", "BUNDLE"],
      ["/run/triplicate/tls/machine.pem", "LEAF", "CERTIFICATE"],
      ["/run/triplicate/tls/machine.key", "KEY", undefined],
    ]);
  });
});

test("slot keys: an Ed25519 key and a password of 256 bits for each slot", () => {
  const stack = synthesize((scope) => {
    const keys = new SlotKeys(scope, "slot", ["a", "b"]);
    return { private: keys.wireGuardPrivateKey("a"), public: keys.wireGuardPublicKey("b"), password: keys.password("a") };
  });
  const slots = { a: "a", b: "b" };
  expect(resource(stack, "tls_private_key", "slot_wireguard")).toEqual({ for_each: slots, algorithm: "ED25519" });
  expect(resource(stack, "random_password", "slot_node_password")).toEqual({ for_each: slots, length: 43, special: false });
  expect(outputs(stack)).toEqual({
    private: '${tls_private_key.slot_wireguard["a"].private_key_pem}',
    // of the one line of the PEM, what comes after the kind of the key
    public: '${substr(element(split("\\n", tls_private_key.slot_wireguard["b"].public_key_pem), 1), 16, 43)}',
    password: '${random_password.slot_node_password["a"].result}',
  });
});

test("private network: one network, a subnet per data center", () => {
  const subnets = { fsn1: "10.0.1.0/24", nbg1: "10.0.2.0/24" };
  const stack = synthesize((scope) => {
    const network = new PrivateNetwork(scope, "private", { ...COMMON, name: "test", range: "10.0.0.0/16", zone: "eu-central", subnets });
    return { network: network.networkId, subnet: network.subnetId("fsn1") };
  });
  expect(resource(stack, "hcloud_network")).toEqual({ ...PERSISTENT, name: "test", ip_range: "10.0.0.0/16" });
  expect(resource(stack, "hcloud_network_subnet")).toEqual({
    for_each: subnets,
    network_id: "${hcloud_network.private.id}",
    type: "cloud",
    network_zone: "eu-central",
    ip_range: "${each.value}",
  });
  expect(outputs(stack)).toEqual({ network: "${hcloud_network.private.id}", subnet: '${hcloud_network_subnet.private["fsn1"].id}' });
});

describe("firewall", () => {
  const firewall = (inbound: ConstructorParameters<typeof Firewall>[2]["inbound"]) =>
    resource(
      synthesizeStack((scope) => new Firewall(scope, "web", { name: "test-web", selector: "role=web", inbound, labels: COMMON.labels })),
      "hcloud_firewall",
    );

  test("lets in what it is told, for machines by label", () => {
    const inbound = [
      { description: "agent", protocol: "tcp", port: 9443, sources: ["203.0.113.0/24", "2001:db8::/48"] },
      { description: "ping", protocol: "icmp", sources: ["0.0.0.0/0"] },
    ] as const;
    expect(firewall(inbound)).toEqual({
      name: "test-web",
      labels: COMMON.labels,
      apply_to: [{ label_selector: "role=web" }],
      rule: [
        { direction: "in", description: "agent", protocol: "tcp", port: "9443", source_ips: ["203.0.113.0/24", "2001:db8::/48"] },
        { direction: "in", description: "ping", protocol: "icmp", source_ips: ["0.0.0.0/0"] },
      ],
    });
  });

  test("with nothing to let in is closed, and still there", () => {
    expect(firewall([])).toMatchObject({ rule: [], apply_to: [{ label_selector: "role=web" }] });
  });
});

describe("ingress", () => {
  const points = {
    fsn1: { name: "test-fsn1", privateAddress: "10.0.1.5", subnetId: "7-10.0.1.0/24" },
    nbg1: { name: "test-nbg1", privateAddress: "10.0.2.5", subnetId: "7-10.0.2.0/24" },
  };
  const ingress = (more: { type?: string } = {}) =>
    synthesize((scope) => ({ address: new Ingress(scope, "ingress", { ...COMMON, points, selector: "role=web", ...more }).address("nbg1") }));

  test("is a load balancer per data center, which targets the machines of all of them", () => {
    const stack = ingress();
    expect(resource(stack, "hcloud_load_balancer")).toEqual({
      ...PERSISTENT,
      for_each: points,
      name: "${each.value.name}",
      location: "${each.key}",
      load_balancer_type: "lb11",
    });
    expect(resource(stack, "hcloud_load_balancer_target")).toMatchObject({ type: "label_selector", label_selector: "role=web", use_private_ip: true });
    expect(resource(stack, "hcloud_load_balancer_network")).toMatchObject({ subnet_id: "${each.value.subnetId}", ip: "${each.value.privateAddress}" });
    expect(outputs(stack)).toEqual({ address: '${hcloud_load_balancer.ingress["nbg1"].ipv4}' });
  });

  test("listens on 80 and 443 of each, and passes on the caller's address", () => {
    const service = resource(ingress(), "hcloud_load_balancer_service");
    expect(Object.keys(service.for_each as object)).toEqual(["fsn1-443", "fsn1-80", "nbg1-443", "nbg1-80"]);
    expect(service).toMatchObject({ protocol: "tcp", proxyprotocol: true, listen_port: "${each.value.port}", destination_port: "${each.value.port}" });
  });

  test("can be of another type", () => {
    expect(resource(ingress({ type: "lb21" }), "hcloud_load_balancer").load_balancer_type).toBe("lb21");
  });
});

describe("DNS zone", () => {
  const zone = (addresses: Record<string, string[]>) => synthesizeStack((scope) => new DnsZone(scope, "zone", { ...COMMON, domain: "example.com", addresses }));

  test("has address records that are out of caches after a minute", () => {
    const stack = zone({ "@": ["192.0.2.1", "192.0.2.2"], "*": ["192.0.2.1"] });
    expect(resource(stack, "hcloud_zone")).toEqual({ ...PERSISTENT, name: "example.com", mode: "primary", ttl: 60 });
    expect(resource(stack, "hcloud_zone_rrset")).toEqual({
      for_each: { "@": { records: [{ value: "192.0.2.1" }, { value: "192.0.2.2" }] }, "*": { records: [{ value: "192.0.2.1" }] } },
      zone: "${hcloud_zone.zone.name}",
      name: "${each.key}",
      type: "A",
      ttl: 60,
      labels: COMMON.labels,
      records: "${each.value.records}",
    });
  });

  test("has no record for a name without an address", () => {
    expect(resource(zone({ "@": ["192.0.2.1"], postgres: [] }), "hcloud_zone_rrset").for_each).toEqual({ "@": { records: [{ value: "192.0.2.1" }] } });
  });
});

test("placement groups spread", () => {
  const stack = synthesize((scope) => ({ id: new PlacementGroups(scope, "spread", ["a-1"], COMMON.labels).groupId("a-1") }));
  expect(resource(stack, "hcloud_placement_group")).toEqual({ for_each: { "a-1": "a-1" }, name: "${each.key}", type: "spread", labels: COMMON.labels });
  expect(outputs(stack)).toEqual({ id: '${hcloud_placement_group.spread["a-1"].id}' });
});

test("primary addresses stay when their machines go", () => {
  const stack = synthesize((scope) => {
    const addresses = new PrimaryAddresses(scope, "machine", { ...COMMON, locations: { "db-1": "fsn1" } });
    return { id: addresses.addressId("db-1"), address: addresses.address("db-1") };
  });
  expect(resource(stack, "hcloud_primary_ip")).toEqual({
    ...PERSISTENT,
    for_each: { "db-1": { location: "fsn1" } },
    name: "${each.key}",
    type: "ipv4",
    location: "${each.value.location}",
    auto_delete: false,
  });
  expect(outputs(stack)).toEqual({ id: '${hcloud_primary_ip.machine["db-1"].id}', address: '${hcloud_primary_ip.machine["db-1"].ip_address}' });
});

test("persistent volumes: a disk key of each generation for each machine, however many volumes it has", () => {
  const volume = { location: "fsn1", sizeGb: 20, machine: "db-1" };
  const volumes = { "db-1-a": volume, "db-1-b": volume };
  const stack = synthesize((scope) => {
    const persistent = new PersistentVolumes(scope, "volume", { ...COMMON, volumes, keyGeneration: 2 });
    return { id: persistent.volumeId("db-1-b"), key: persistent.diskKey("db-1", 2) };
  });
  expect(resource(stack, "hcloud_volume")).toEqual({
    ...PERSISTENT,
    for_each: volumes,
    name: "${each.key}",
    location: "${each.value.location}",
    size: "${each.value.sizeGb}",
  });
  expect(resource(stack, "random_password")).toEqual({
    for_each: { "db-1-key-1": "db-1-key-1", "db-1-key-2": "db-1-key-2" },
    length: 43,
    special: false,
  });
  expect(outputs(stack)).toEqual({ id: '${hcloud_volume.volume["db-1-b"].id}', key: '${random_password.volume_disk_key["db-1-key-2"].result}' });
});
