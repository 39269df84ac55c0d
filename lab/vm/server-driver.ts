import type { DriverServer, DriverVolume, ServerDriver } from "hetzner-local";

import type { Machines } from "./machines";
import type { LabNetwork } from "./network";
import type { Volumes } from "./volumes";

/** The driver whose machines are real ones, emulated. */
export interface VmDriver extends ServerDriver {
  /** Whether a volume may be taken from a server: it is off, has let go of it, or has already lost it. */
  mayDetach(server: DriverServer, volume: DriverVolume): Promise<boolean>;
  updateFirewalls: NonNullable<ServerDriver["updateFirewalls"]>;
  resizeVolume: NonNullable<ServerDriver["resizeVolume"]>;
  deleteVolume: NonNullable<ServerDriver["deleteVolume"]>;
}

/** Prints a word for each device that is built on a volume; of a mirror, what it thinks of this half. */
function holdersOf({ id }: DriverVolume): string {
  const disk = `disk=$(basename "$(readlink -e /dev/disk/by-id/scsi-0HC_Volume_${id})")`;
  return `${disk}; for holder in $(ls /sys/class/block/$disk/holders); do cat /sys/class/block/$holder/md/dev-$disk/state 2>/dev/null || echo held; done; echo asked`;
}

/** What the API asks of servers, done to QEMU machines. */
export function vmDriver(machines: Machines, volumes: Volumes, network: LabNetwork, close: () => Promise<void>): VmDriver {
  const remove = async (server: DriverServer): Promise<void> => {
    await machines.find(server)?.delete();
    machines.delete(server);
  };
  return {
    describes: "emulated: machines are QEMU machines that boot Debian 13 from their exact user_data, in a network of their own",
    async create(server) {
      try {
        await machines.add(server).create();
      } catch (error) {
        await remove(server);
        throw error;
      }
    },
    delete: remove,
    powerOn: async (server) => machines.of(server).powerOn(),
    powerOff: async (server) => machines.of(server).powerOff(),
    shutdown: async (server) => machines.of(server).shutdown(),
    async reboot(server) {
      await machines.of(server).shutdown();
      await machines.of(server).powerOn();
    },
    attachVolume: async (server, volume) => machines.of(server).attachVolume(volume),
    detachVolume: async (server, volume) => machines.of(server).detachVolume(volume),
    async attachNic(server, nic) {
      machines.addNic(server, nic);
      await machines.of(server).attachNic(nic);
    },
    async detachNic(server, nic) {
      await machines.of(server).detachNic(nic);
      machines.deleteNic(server, nic);
    },
    async mayDetach(server, volume) {
      const machine = machines.find(server);
      if (!machine?.isOn) return true;
      const { stdout } = await machine.agent.exec(holdersOf(volume)).catch(() => ({ stdout: "held" }));
      return /^(?:faulty\S*\s)*asked$/.test(stdout.trim());
    },
    async updateFirewalls(server, rules) {
      if (server.publicIpv4) await network.filter(server.publicIpv4, rules);
    },
    async resizeVolume(server, volume) {
      volumes.ensure(volume);
      if (server) await machines.of(server).resizeVolume(volume);
    },
    deleteVolume: async (volume) => volumes.delete(volume),
    close,
  };
}
