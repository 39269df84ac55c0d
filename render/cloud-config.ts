import { toYaml } from "./writers";

/** A file as cloud-init writes it; `content` is already in its `encoding`. */
export interface CloudConfigFile {
  readonly path: string;
  readonly owner: string;
  readonly mode: string;
  /**
   * How `content` is written down: compressed as base64, which cloud-init decodes, or as it is in single quotes, of which it
   * then has none.
   *
   * @default - as it is
   */
  readonly encoding?: "gz+b64" | "quoted";
  readonly content: string;
}

/** What goes into a host's user_data. */
export interface CloudConfigSpec {
  readonly hostname: string;
  readonly files: readonly CloudConfigFile[];
  /** Commands that run early in the first boot and in every later one, before sshd could start. */
  readonly bootCommands: readonly (readonly string[])[];
  /** Commands that run once, at the end of the first boot. */
  readonly runCommands: readonly (readonly string[])[];
}

/**
 * Renders the user_data of a host: no user, no password, no SSH key, nothing but files and the commands that start them.
 *
 * @see https://cloudinit.readthedocs.io/en/25.1.4/reference/modules.html
 */
export function renderCloudConfig(spec: CloudConfigSpec): string {
  const config = {
    hostname: spec.hostname,
    preserve_hostname: false,
    users: [],
    disable_root: true,
    ssh_pwauth: false,
    // nobody ever connects, but an empty list is refused: one key is the least
    ssh_genkeytypes: ["ed25519"],
    bootcmd: spec.bootCommands,
    write_files: spec.files.map((file, index) => ({
      path: file.path,
      ...(file.owner !== "root:root" && { owner: file.owner }),
      permissions: file.mode,
      ...(file.encoding === "gz+b64" && { encoding: file.encoding }),
      content: file.encoding ? standIn(index) : file.content,
    })),
    runcmd: spec.runCommands,
  };
  const text = `#cloud-config\n${toYaml(config)}`;
  return text.replace(STAND_IN, (_, index: string) => written(spec.files[Number(index)]));
}

function written({ encoding, content }: CloudConfigFile): string {
  return encoding === "quoted" ? `'${content}'` : content;
}

/**
 * Stands for an encoded text while the rest is written: it needs no examination, and examining kilobytes of it for each host
 * takes longer than all else.
 */
function standIn(index: number): string {
  return `encoded-${index}-`;
}

const STAND_IN = /(?<=^ {2}content: )encoded-(\d+)-$/gm;
