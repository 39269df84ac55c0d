/** Kernel, Docker, firewall, mesh and volumes: what each puts on a host. */
import { ref, Token } from "cdktf";
import { parseRange } from "../../config/addresses";
import { Environment } from "../../config/environment";
import { environments } from "../../config/environments";
import { dev } from "../../config/environments/dev";
import { production } from "../../config/environments/production";
import { smallestMemoryMiB } from "../../config/topology";
import { DockerHost, EncryptedVolumes, EncryptedVolumesProps, Host, HostFirewall, IHostContribution, KernelProfile, WireGuardMesh } from "../../constructs";
import { addEnvironment } from "../../stacks/environment";
import { resource, synthesizeApp, synthesizeStack } from "../support/synth";
import { textsOf } from "./user-data";

const SECRET = Token.asString(ref("var.secret"));

/** The files of a host with some contributions, by path; what only Terraform knows is left as its expression. */
function filesOf(...contributions: IHostContribution[]): Map<string, string> {
  const stack = synthesizeStack((scope) => {
    const host = new Host(scope, "host", { name: "web-1", location: "fsn1", serverType: "cx23", subnetId: "7", privateAddress: "10.0.1.9" });
    contributions.forEach((contribution) => host.add(contribution));
  });
  return textsOf(String(resource(stack, "hcloud_server").user_data));
}

function packagesOf(files: ReadonlyMap<string, string>): string[] {
  return files.get("/etc/triplicate/packages")!.trim().split("\n");
}

describe("kernel profiles", () => {
  const profiles: Record<string, KernelProfile> = {
    base: KernelProfile.base(),
    dockerHost: KernelProfile.dockerHost(),
    kubernetesNode: KernelProfile.kubernetesNode(),
    postgres: KernelProfile.postgres({ memoryMiB: 4096 }),
    smallPostgres: KernelProfile.postgres({ memoryMiB: 4095 }),
  };
  const values = (profile: string) => Object.fromEntries(profiles[profile].settings.sysctls.map(({ name, value }) => [name, value]));

  test.each(Object.keys(profiles))("%s: each setting once, with its reason", (profile) => {
    const { sysctls } = profiles[profile].settings;
    expect(new Set(sysctls.map(({ name }) => name)).size).toBe(sysctls.length);
    for (const { name, reason } of sysctls) {
      expect(name).toMatch(/^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/);
      expect(reason).toMatch(/^\S.*[^\s.]$/);
    }
  });

  test("a node of Kubernetes has what the kubelet with protect-kernel-defaults asks for", () => {
    const asked = { "vm.overcommit_memory": 1, "vm.panic_on_oom": 0, "kernel.panic": 10, "kernel.panic_on_oops": 1, "kernel.keys.root_maxkeys": 1_000_000, "kernel.keys.root_maxbytes": 25_000_000 };
    expect(values("kubernetesNode")).toMatchObject(asked);
  });

  test("Postgres has strict accounting of memory from 4 GiB", () => {
    const overcommit = (profile: string) => Object.keys(values(profile)).filter((name) => name.startsWith("vm.overcommit"));
    expect(overcommit("postgres")).toEqual(["vm.overcommit_memory", "vm.overcommit_ratio"]);
    expect(overcommit("smallPostgres")).toEqual([]);
  });

  test("a pool's smallest server type decides, fallbacks too", () => {
    const memory = environments.map(({ pools }) => smallestMemoryMiB(pools.postgres));
    expect(Math.min(...memory)).toBeGreaterThanOrEqual(4096);
    expect(smallestMemoryMiB({ ...dev.pools.postgres, serverTypes: ["cpx32", "cx23"] })).toBe(4096);
  });

  test("land as files of sysctl, modules, udev and systemd, and are in effect after the unit", () => {
    const files = filesOf(profiles.postgres);
    expect(files.get("/etc/sysctl.d/90-triplicate.conf")).toContain("\nvm.dirty_bytes = 536870912\n");
    expect(files.get("/etc/modules-load.d/triplicate.conf")).toBe("softdog\n");
    // without "!", which would put it off to the next boot
    expect(files.get("/etc/tmpfiles.d/triplicate.conf")).toBe("w /sys/kernel/mm/transparent_hugepage/enabled - - - - never\n");
    expect(files.get("/etc/udev/rules.d/60-triplicate-scheduler.rules")).toMatch(/ATTR\{queue\/scheduler\}="none"\n$/);
    expect(files.get("/etc/systemd/system.conf.d/triplicate.conf")).toBe("[Manager]\nDefaultLimitNOFILE=65536:1048576\n");
    expect(files.get("/etc/systemd/system/triplicate-kernel.service")).toContain("ExecStart=/usr/local/lib/triplicate/apply-kernel.sh\n");
  });
});

describe("a Docker host", () => {
  const files = filesOf(KernelProfile.dockerHost(), new DockerHost({ addressRange: "10.44.0.0/16" }));

  test("tells the daemon what it is", () => {
    expect(JSON.parse(files.get("/etc/docker/daemon.json")!)).toEqual({
      "live-restore": true,
      "no-new-privileges": true,
      "userland-proxy": false,
      icc: false,
      "cgroup-parent": "containers.slice",
      "exec-opts": ["native.cgroupdriver=systemd"],
      "storage-driver": "overlay2",
      "log-driver": "local",
      "log-opts": { "max-size": "10m", "max-file": "5" },
      "default-address-pools": [{ base: "10.44.0.0/16", size: 24 }],
      "default-ulimits": { nofile: { Name: "nofile", Soft: 65_536, Hard: 65_536 } },
    });
  });

  test("is from Debian, and not upgraded while it runs", () => {
    expect(packagesOf(files)).toEqual(expect.arrayContaining(["containerd", "docker-cli", "docker.io", "runc"]));
    expect(files.get("/etc/apt/apt.conf.d/60triplicate")).toContain('{ "^containerd$"; "^docker-cli$"; "^docker.io$"; "^runc$"; }');
  });

  test.each(environments.map((environment) => [environment.name, environment] as const))("has addresses that nothing else has: %s", (_, { network }) => {
    const { dockerRange, ...others } = network;
    const docker = parseRange(dockerRange);
    expect(docker.prefix).toBeLessThanOrEqual(20);
    for (const range of Object.values(others).map(parseRange)) {
      expect(range.last < docker.first || docker.last < range.first).toBe(true);
    }
  });

  test("needs a kernel profile", () => {
    expect(() => filesOf(new DockerHost({ addressRange: "10.44.0.0/16" }))).toThrow(/'triplicate-docker\.service' waits for 'triplicate-kernel\.service', which was never added/);
  });
});

test("a host's firewall is loaded before the network, at each boot", () => {
  const files = filesOf(new HostFirewall({ privateRange: "10.0.0.0/16", rules: [] }));
  expect(packagesOf(files)).toContain("nftables");
  expect(files.get("/etc/triplicate/firewall.nft")).toMatch(/^table inet triplicate\ndelete table inet triplicate\n/);
  const unit = files.get("/etc/systemd/system/triplicate-firewall.service");
  for (const line of ["Before=network-pre.target shutdown.target", "DefaultDependencies=no", "WantedBy=sysinit.target", "ExecStart=/usr/sbin/nft --file /etc/triplicate/firewall.nft"]) {
    expect(unit).toContain(`\n${line}\n`);
  }
});

test("the mesh knows its peers by address and key, and has its own key in memory", () => {
  const key = (name: string) => Token.asString(ref(`var.${name}`));
  const files = filesOf(
    new WireGuardMesh({
      port: 51900,
      privateRange: "10.0.0.0/16",
      meshRange: "10.1.0.0/16",
      peers: [{ address: "10.1.1.32", publicKey: key("a") }, { address: "10.1.2.32", publicKey: key("b") }],
      privateKey: SECRET,
      publicKey: key("own"),
    }),
  );
  expect(packagesOf(files)).toContain("wireguard-tools");
  expect(JSON.parse(files.get("/etc/triplicate/wireguard.json")!)).toEqual({
    port: 51900,
    mtu: 1370,
    range: "10.0.0.0/16",
    mesh: "10.1.0.0/16",
    peers: ["10.1.1.32", "10.1.2.32"],
  });
  expect(files.get("/run/triplicate/wireguard/key.pem")).toBe("var.secret");
  expect(files.get("/run/triplicate/wireguard/peer-keys")).toBe('join("", [var.a, var.b])');
});

describe("encrypted volumes", () => {
  const PROPS: EncryptedVolumesProps = {
    volumes: [{ name: "data", volumeIds: ["17"] }, { name: "more-data", volumeIds: ["18", "19"], path: "/srv/elsewhere" }],
    diskKeys: { 1: SECRET, 2: SECRET },
  };

  test("are told by name and path; their disks by id, two where mirrored", () => {
    const files = filesOf(new EncryptedVolumes(PROPS));
    expect(JSON.parse(files.get("/etc/triplicate/volumes.json")!)).toEqual({ data: "/srv/data", "more-data": "/srv/elsewhere" });
    expect(files.get("/run/triplicate/host.env")).toMatch(/\\nVOLUME_DATA='17'\\nVOLUME_MORE_DATA='18 19'\\n"$/);
  });

  test("have a key file for each generation that opens them, in memory", () => {
    const files = filesOf(new EncryptedVolumes(PROPS));
    const keys = [...files].filter(([path]) => path.includes("disk-keys"));
    expect(keys).toEqual([["/run/triplicate/disk-keys/1", "var.secret"], ["/run/triplicate/disk-keys/2", "var.secret"]]);
  });

  test("bring mdadm, and keep it from acting by itself, only where one is mirrored", () => {
    const mirrored = filesOf(new EncryptedVolumes(PROPS));
    expect(packagesOf(mirrored)).toEqual(expect.arrayContaining(["cryptsetup-bin", "mdadm"]));
    expect(mirrored.get("/etc/mdadm/mdadm.conf.d/triplicate.conf")).toMatch(/^AUTO -all\n/);
    const plain = filesOf(new EncryptedVolumes({ ...PROPS, volumes: [PROPS.volumes[0]] }));
    expect(packagesOf(plain)).toContain("cryptsetup-bin");
    expect(packagesOf(plain)).not.toContain("mdadm");
    expect([...plain.keys()]).not.toContain("/etc/mdadm/mdadm.conf.d/triplicate.conf");
  });

  test("are closed when the machine stops or leaves, and grow when their disk does", () => {
    const files = filesOf(new EncryptedVolumes(PROPS));
    expect(files.get("/etc/systemd/system/triplicate-volumes.service")).toContain("\nExecStop=/usr/local/lib/triplicate/volumes.py close\n");
    expect(files.get("/etc/udev/rules.d/61-triplicate-volumes.rules")).toMatch(/ENV\{RESIZE\}=="1".* start --no-block triplicate-volumes-grow\.service"\n$/);
    expect(files.get("/etc/systemd/system/triplicate-volumes-grow.service")).toContain("\nRemainAfterExit=no\n");
    expect(files.get("/etc/systemd/system/triplicate.target")).not.toContain("grow");
    expect(files.get("/etc/triplicate/leave.d/80-volumes")).toContain("volumes.py close");
  });
});

describe("an environment whose disk keys are rotated", () => {
  const rotating: Environment = { ...dev, diskKey: { generation: 3, accepted: [2, 3] } };
  const { stacks } = synthesizeApp((app) => addEnvironment(app, rotating));
  const foundation = stacks.get("dev-foundation")!;

  test("has the keys of all generations, for each machine with volumes", () => {
    const machines = ["kubernetes-server", "postgres"].flatMap((role) => ["fsn1", "nbg1", "hel1"].map((location) => `dev-${location}-${role}-1`));
    const names = machines.flatMap((machine) => [1, 2, 3].map((generation) => `${machine}-key-${generation}`));
    expect(Object.keys(resource(foundation, "random_password", "volume_disk_key").for_each as object).sort()).toEqual(names.sort());
  });

  test("gives its machines those that are accepted", () => {
    const text = JSON.stringify(foundation.output!.fsn1.value);
    const told = [...text.matchAll(/volume_disk_key\[\\*"dev-fsn1-postgres-1-key-(\d)/g)].map(([, generation]) => generation);
    expect(told).toEqual(["2", "3"]);
    const files = textsOf(String(resource(stacks.get("dev-fsn1")!, "hcloud_server", "dev-fsn1-postgres-1").user_data));
    expect([...files.keys()].filter((path) => path.includes("disk-keys"))).toEqual(["/run/triplicate/disk-keys/2", "/run/triplicate/disk-keys/3"]);
  });
});

test.each([["dev", dev, 1], ["production", production, 2]] as const)("the machines of %s are told every disk of their volumes", (_, environment, disks) => {
  const { stacks } = synthesizeApp((app) => addEnvironment(app, environment));
  const name = `${environment.name}-fsn1-postgres-1`;
  const files = textsOf(String(resource(stacks.get(`${environment.name}-fsn1`)!, "hcloud_server", name).user_data));
  const [, told] = /VOLUME_DATA='(.*)'/.exec(files.get("/run/triplicate/host.env")!)!;
  expect(told.match(/volumeIds/g)).toHaveLength(disks);
  expect(packagesOf(files).includes("mdadm")).toBe(disks === 2);
});
