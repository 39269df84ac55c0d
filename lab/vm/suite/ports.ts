import { ACCESS, Access } from "../../../config/access";
import type { Source } from "../driver";
import { quoted } from "./check";
import type { World } from "./world";

/** Nothing but a health agent ever listens on these while a machine boots for the first time; the world reaches not even that. */
export const FIRST_BOOT_PORTS: readonly number[] = [22, 53, 111, 2375, 5355, 8080, 9443];

/** What something is listening on while it is scanned: all of the table, and what must never be open. */
export const PORTS: readonly number[] = [
  ...new Set(Object.values(ACCESS).flat().filter(({ protocol }) => protocol === "tcp").flatMap(({ port }) => portsOf(port))),
  ...[22, 111, 2375, 2376, 3306, 5355, 6432, 8080, 8443, 9000, 9100, 10255, 30000, 32767],
].sort((a, b) => a - b);

export function portsOf(port: Access["port"]): number[] {
  const [first, last = first] = String(port).split("-").map(Number);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Listens on every port that nothing else listens on, at every address. */
export const LISTEN = `
import socket, sys, threading
def serve(port):
    try:
        with socket.create_server(("0.0.0.0", port)) as listener:
            while True:
                listener.accept()[0].close()
    except OSError:
        pass
threads = [threading.Thread(target=serve, args=(int(port),)) for port in sys.argv[1:]]
[thread.start() for thread in threads]
`;

/** Prints the ports of an address that answer. */
const DIAL = `
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def dial(port):
    try:
        with socket.create_connection((sys.argv[1], port), 6):
            return port
    except OSError:
        return None
with ThreadPoolExecutor(64) as pool:
    print(*[port for port in pool.map(dial, map(int, sys.argv[2:])) if port])
`;

/** The ports of an address that answer somebody outside; throws if they could not be tried. */
export async function dialed(world: World, address: string, ports: readonly number[], source: Source): Promise<number[]> {
  const { stdout, stderr, exitCode } = await world.lab.run(["python3", "-c", DIAL, address, ...ports.map(String)], { source });
  if (exitCode !== 0) throw new Error(`dialing ${address} failed: ${stderr}`);
  return numbersOf(stdout);
}

/** The ports of an address that answer a machine. */
export async function dialedFrom(world: World, machine: string, address: string, ports: readonly number[]): Promise<number[]> {
  return numbersOf(await world.run(machine, `python3 -c ${quoted(DIAL)} ${address} ${ports.join(" ")}`, 300));
}

function numbersOf(text: string): number[] {
  return text.trim().split(/\s+/).filter(Boolean).map(Number);
}
