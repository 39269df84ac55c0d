/** Seconds between two signs of life where nobody sees a line change in place: a log. */
const LOG_SECONDS = 15;

/** Shows that a step is under way while it is: a counting line on a terminal, a line every quarter of a minute in a log. */
export async function whileWorking<T>(step: string, work: Promise<T>, stream: NodeJS.WriteStream = process.stdout): Promise<T> {
  const started = Date.now();
  const show = () => {
    const seconds = Math.round((Date.now() - started) / 1000);
    if (stream.isTTY) stream.write(`\r…       ${step.padEnd(34)} ${`${seconds} s`.padStart(7)}`);
    else if (seconds % LOG_SECONDS === 0) stream.write(`…       ${step} (${seconds} s)\n`);
  };
  const timer = setInterval(show, 1000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (stream.isTTY) stream.write("\r\u001b[K");
  }
}

/** Prints a line of its own while {@link whileWorking} shows that a step is under way. */
export function printBeside(line: string, stream: NodeJS.WriteStream = process.stdout): void {
  stream.write(`${stream.isTTY ? "\r\u001b[K" : ""}${line}\n`);
}

/** The first error that Terraform printed, in one line: what it says, without where in the generated JSON it says so. */
export function firstError(output: string): string {
  const lines = output
    .slice(output.indexOf("Error: "))
    .split("\n")
    .map((line) => line.replace(/[│╷╵]/g, "").trim());
  const end = lines.findIndex((line, index) => index > 0 && line.startsWith("Error: "));
  const text = lines
    .slice(0, end === -1 ? undefined : end)
    .filter((line) => line && !/^(?:with |on |\d+:)/.test(line))
    .join(" ");
  const [, provisioner] = /Output: (.*)$/.exec(text) ?? [];
  return (provisioner ?? text).slice(0, 240);
}
