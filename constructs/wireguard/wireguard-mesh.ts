import { toJson } from "../../render/writers";
import { readAsset } from "../host/assets";
import { PACKAGES_UNIT, PRIVATE_NETWORK_UNIT, PROGRAMS, RUNTIME_FILES_UNIT } from "../host/base-system";
import { Host, IHostContribution } from "../host/host";
import { RUNTIME_DIRECTORY } from "../host/host-file";

/** The unit after which `wg0` is up. */
export const WIREGUARD_UNIT = "triplicate-wireguard.service";

/** Another machine's place in the mesh, whether there is a machine in it or not. */
export interface MeshPeer {
  /** Its address in the mesh; it has the same low bits in the private network, which is where it is found. */
  readonly address: string;
  /** Its Ed25519 public key: the 32 bytes as base64, without the padding. A token. */
  readonly publicKey: string;
}

/** What a host's end of the mesh is. */
export interface WireGuardMeshProps {
  /** UDP port of every machine. */
  readonly port: number;
  /** The private network, as a CIDR. */
  readonly privateRange: string;
  /** The mesh, as a CIDR. */
  readonly meshRange: string;
  /**
   * Every place that this machine talks to; its own may be among them, so that all machines of a role have the same list.
   * Changing the list replaces the host.
   */
  readonly peers: readonly MeshPeer[];
  /** This host's Ed25519 private key as PKCS#8 PEM. A token. */
  readonly privateKey: string;
  /** This host's public key, which is known at plan time. A token. */
  readonly publicKey: string;
}

/** Hetzner's private network has 1450; WireGuard over IPv4 takes 60, and 20 more are left for IPv6 endpoints. */
const MTU = 1370;

/** 32 bytes as base64 without padding; all have the same length, so nothing is between them. */
const KEY_BYTES = 43;

/** An Ed25519 key as PKCS#8 PEM: always as long. */
const PEM_BYTES = 119;

/**
 * A host's end of the WireGuard mesh, `wg0`, over the private network: each peer may use one address, and only those that a
 * machine talks to are peers. A machine that is made again has the same key, so no peer notices.
 */
export class WireGuardMesh implements IHostContribution {
  constructor(private readonly props: WireGuardMeshProps) {}

  public bind(host: Host): void {
    const { port, privateRange, meshRange, peers, privateKey, publicKey } = this.props;
    const settings = { port, mtu: MTU, range: privateRange, mesh: meshRange, peers: peers.map(({ address }) => address) };
    const keys = peers.map(({ publicKey: key }) => key).join("");
    host.addPackage("wireguard-tools");
    host.addFile({ path: `${PROGRAMS}/wireguard.py`, content: readAsset("wireguard.py"), mode: "0755" });
    host.addFile({ path: "/etc/triplicate/wireguard.json", content: toJson(settings) });
    host.addFile({ path: "/etc/triplicate/health.d/30-wireguard", content: readAsset("health.d/wireguard.sh"), mode: "0755" });
    host.addFile({ path: "/etc/triplicate/metrics.d/30-wireguard", content: readAsset("metrics.d/wireguard.sh"), mode: "0755" });
    const directory = `${RUNTIME_DIRECTORY}/wireguard`;
    host.addRuntimeFile({ path: `${directory}/key.pem`, content: privateKey, maxBytes: PEM_BYTES, fingerprint: publicKey });
    host.addRuntimeFile({ path: `${directory}/peer-keys`, content: keys, maxBytes: KEY_BYTES * peers.length, isOneWord: true, fingerprint: keys });
    host.addUnit({
      name: WIREGUARD_UNIT,
      description: "WireGuard mesh",
      after: [RUNTIME_FILES_UNIT, PRIVATE_NETWORK_UNIT, PACKAGES_UNIT],
      execStart: `${PROGRAMS}/wireguard.py up`,
    });
  }
}
