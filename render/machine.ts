import { toJson } from "./writers";

/** Another machine, as the health agent sees it. */
export interface KnownMachine {
  readonly address: string;
  readonly dataCenter: string;
  readonly role: string;
  readonly quorum: boolean;
}

/** What a machine knows of itself and of the address plan; everything here is known at synth. */
export interface MachineSpec {
  readonly environment: string;
  readonly name: string;
  readonly dataCenter: string;
  readonly role: string;
  /** Whether the machine is a member of a quorum of its role. */
  readonly quorum: boolean;
  /** Its private address. */
  readonly address: string;
  /** The TCP port of every health agent. */
  readonly port: number;
  /** The data center's certificate and OS generation; raising it replaces the machine. */
  readonly generation: number;
  /**
   * Every slot of its own data center and every quorum slot of all data centers, by name, whether it exists yet or not: a
   * machine that is added within the capacity changes no file of another machine.
   */
  readonly machines: Readonly<Record<string, KnownMachine>>;
}

/** Renders `/etc/triplicate/machine.json`, which the health agent reads. */
export function renderMachine(spec: MachineSpec): string {
  const { environment, name, dataCenter, role, quorum, address, port, generation, machines } = spec;
  return toJson({ environment, name, dataCenter, role, quorum, address, port, generation, machines });
}
