import { renameSync, writeFileSync } from "node:fs";

import type { DriverNic, DriverServer } from "hetzner-local";

import { Machine, type MachineHome } from "./machine";

/** All machines of a lab, and the file by which DHCP and the metadata service know them. */
export class Machines {
  private readonly machines = new Map<string, Machine>();
  private readonly nics = new Map<string, readonly DriverNic[]>();

  constructor(
    private readonly home: MachineHome,
    private readonly file: string,
  ) {
    this.record();
  }

  get all(): Machine[] {
    return [...this.machines.values()];
  }

  find(server: DriverServer): Machine | undefined {
    return this.machines.get(keyOf(server));
  }

  of(server: DriverServer): Machine {
    const machine = this.find(server);
    if (machine === undefined) throw new Error(`server ${server.name} (${server.id}) was not made by this lab`);
    return machine;
  }

  /** The latest one of a name. */
  named(name: string): Machine {
    const machine = this.all.reverse().find(({ server }) => server.name === name);
    if (machine === undefined) throw new Error(`there is no machine named ${name}`);
    return machine;
  }

  /** A machine that is not made yet; the services know it already. */
  add(server: DriverServer): Machine {
    const machine = new Machine(server, this.home);
    this.machines.set(keyOf(server), machine);
    this.nics.set(keyOf(server), server.privateNics);
    this.record();
    return machine;
  }

  delete(server: DriverServer): void {
    this.machines.delete(keyOf(server));
    this.nics.delete(keyOf(server));
    this.record();
  }

  /** The private NICs that a server has now. */
  nicsOf(server: DriverServer): readonly DriverNic[] {
    return this.nics.get(keyOf(server)) ?? [];
  }

  addNic(server: DriverServer, nic: DriverNic): void {
    this.setNics(server, (others) => [...others, nic], nic);
  }

  deleteNic(server: DriverServer, nic: DriverNic): void {
    this.setNics(server, (others) => others, nic);
  }

  private setNics(server: DriverServer, change: (others: readonly DriverNic[]) => readonly DriverNic[], nic: DriverNic): void {
    const others = (this.nics.get(keyOf(server)) ?? []).filter(({ networkId }) => networkId !== nic.networkId);
    this.nics.set(keyOf(server), change(others));
    this.record();
  }

  /** In one step: the services read it at every question. */
  private record(): void {
    const known = [...this.machines].map(([key, { server, publicMac }]) => {
      const { id, name, location, userData, publicIpv4 = "" } = server;
      return { id, name, location, userData, publicIpv4, mac: publicMac, nics: this.nics.get(key) ?? [] };
    });
    writeFileSync(`${this.file}.new`, JSON.stringify(known));
    renameSync(`${this.file}.new`, this.file);
  }
}

function keyOf({ project, id }: DriverServer): string {
  return `${project}/${id}`;
}
