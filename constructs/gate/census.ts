import { DataHcloudServerTypes } from "@cdktf/provider-hcloud/lib/data-hcloud-server-types";
import { DataHcloudServers } from "@cdktf/provider-hcloud/lib/data-hcloud-servers";
import { propertyAccess, TerraformLocal, Token } from "cdktf";
import { Construct } from "constructs";
import { Host } from "../host/host";
import { objectExpression } from "../terraform";

/** What a census asks for. */
export interface CensusProps {
  readonly environment: string;
  readonly dataCenter: string;
  /** The server types that each machine of this stack may have, best first, by the machine's name. */
  readonly serverTypes: Readonly<Record<string, readonly string[]>>;
}

/**
 * Which machines exist before this plan changes anything, and so which of them it would replace.
 *
 * Everything here is known at plan time: a replacement must be refused before the machine is gone.
 */
export class Census extends Construct {
  /** Expression: a map from name to server, of all that exist in this data center. */
  public readonly existing = "local.existing";
  /** Expression: a map from name to host configuration, of all that are described. */
  public readonly config = "local.config";
  /** Expression: the names of existing machines whose host configuration would change. */
  public readonly replacing = "local.replacing";
  /** Expression: the names of machines that this plan makes, anew or for the first time. */
  public readonly making = "local.making";
  /** Expression: the server types that can be had here at this moment. */
  public readonly available = "local.available";
  /** Expression: a map from machine to the server type that it gets. */
  public readonly serverTypes = "local.server_type";
  /** Expression: all servers of the environment, in every data center. */
  public readonly servers = "data.hcloud_servers.existing.servers";
  private readonly chosen: TerraformLocal;

  constructor(scope: Construct, id: string, props: CensusProps) {
    super(scope, id);
    const source = new DataHcloudServers(this, "Servers", { withSelector: `environment=${props.environment}` });
    source.overrideLogicalId("existing");
    this.local(
      "existing",
      `{ for s in ${this.servers} : s.name => s if try(s.labels["data-center"], "") == "${props.dataCenter}" }`,
    );
    this.chosen = this.chooseServerTypes(props);
  }

  /** The server type of a machine: the one that it has while that is allowed, else the first that can be had. */
  public serverType(machine: string): string {
    return Token.asString(propertyAccess(this.chosen.expression, [machine]));
  }

  /** Declares what would be replaced, from the hosts of this stack. */
  public compare(hosts: readonly Host[]): void {
    const digests = Object.fromEntries(hosts.map((host) => [host.name, host.configDigest]));
    this.local("config", objectExpression(digests));
    this.local(
      "replacing",
      `[for name, config in local.config : name if ` +
        `contains(keys(local.existing), name) && try(local.existing[name].labels["${Host.CONFIG_LABEL}"], "") != config]`,
    );
    this.local("making", `concat(${this.replacing}, [for name in keys(local.config) : name if !contains(keys(local.existing), name)])`);
  }

  private chooseServerTypes(props: CensusProps): TerraformLocal {
    const types = new DataHcloudServerTypes(this, "ServerTypes");
    types.overrideLogicalId("sold");
    this.local(
      "available",
      `toset([for t in data.hcloud_server_types.sold.server_types : t.name ` +
        `if anytrue([for l in t.locations : l.name == "${props.dataCenter}" && l.available])])`,
    );
    this.local("allowed_server_types", objectExpression(mapValues(props.serverTypes, (names) => JSON.stringify(names))));
    return this.local(
      "server_type",
      `{ for name, types in local.allowed_server_types : name => try(` +
        `[for t in types : t if t == local.existing[name].server_type][0], ` +
        `[for t in types : t if contains(local.available, t)][0], ` +
        `types[0]) }`,
    );
  }

  private local(name: string, expression: string): TerraformLocal {
    const local = new TerraformLocal(this, name, `\${${expression}}`);
    local.overrideLogicalId(name);
    return local;
  }
}

function mapValues<T>(entries: Readonly<Record<string, T>>, change: (value: T) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, change(value)]));
}
