/** Load balancers: stored with all their rules; no traffic flows and no health is checked. */
import { findByIdOrName, LOAD_BALANCER_TYPES, LOCATIONS, locationNamed, type LoadBalancerType } from "../catalog";
import { apiError, invalidInput } from "../errors";
import { objectList, optionalBoolean, optionalIdOrName, optionalInteger, optionalObject, optionalText, requireInteger, requireOneOf, requireText } from "../input";
import type { Json, LoadBalancer } from "../model";
import { chooseAddress } from "../private-net";
import { takePublicIpv4 } from "../world";
import { presentLoadBalancerType } from "./catalog-resources";
import { addService, deleteService, presentService, readNewServices, updateService } from "./load-balancer-services";
import { addTarget, presentTarget, readNewTargets, removeTarget } from "./load-balancer-targets";
import {
  act, assertUnprotected, changeProtection, created, GONE, newEntity, ref, referenced, registerResource,
  type Call, type Reply, type ResourceKind, type Routes,
} from "./shared";

const ALGORITHMS = ["round_robin", "least_connections"];

const KIND: ResourceKind<"load_balancers"> = {
  path: "load_balancers",
  singular: "load_balancer",
  present,
  create,
  remove,
  actions: {
    add_service: addService,
    update_service: updateService,
    delete_service: deleteService,
    add_target: addTarget,
    remove_target: removeTarget,
    attach_to_network: attachToNetwork,
    detach_from_network: detachFromNetwork,
    change_algorithm: changeAlgorithm,
    change_type: changeType,
    change_protection: changeProtection("load_balancer"),
    enable_public_interface: (call, balancer) => setPublicInterface(call, balancer, true),
    disable_public_interface: disablePublicInterface,
  },
};

export function registerLoadBalancers(routes: Routes): void {
  registerResource(routes, KIND);
}

function present(call: Call, balancer: LoadBalancer): Json {
  const type = findByIdOrName(LOAD_BALANCER_TYPES, balancer.type) as LoadBalancerType;
  return {
    id: balancer.id,
    name: balancer.name,
    created: balancer.created,
    labels: balancer.labels,
    protection: balancer.protection,
    location: locationNamed(balancer.location),
    load_balancer_type: presentLoadBalancerType(type),
    algorithm: { type: balancer.algorithm },
    public_net: {
      enabled: balancer.publicInterface,
      ipv4: { ip: balancer.ipv4, dns_ptr: null },
      ipv6: { ip: `2001:db8:1b::${balancer.id.toString(16)}`, dns_ptr: null },
    },
    private_net: balancer.privateNet,
    services: balancer.services.map(presentService),
    targets: balancer.targets.map((target) => presentTarget(call, balancer, target)),
    included_traffic: 20 * 1024 ** 4,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
  };
}

function create(call: Call): Reply {
  const network = optionalInteger(call.body, "network");
  const balancer: LoadBalancer = {
    ...newEntity(call, KIND, requireText(call.body, "name")),
    protection: { delete: false },
    type: requireType(call).name,
    location: readLocation(call),
    ipv4: takePublicIpv4(call.world),
    publicInterface: optionalBoolean(call.body, "public_interface") ?? true,
    algorithm: readAlgorithm(optionalObject(call.body, "algorithm") ?? {}),
    services: readNewServices(call),
    targets: [],
    privateNet: [],
  };
  if (network !== undefined) balancer.privateNet.push(attachment(call, balancer, network));
  balancer.targets.push(...readNewTargets(call, balancer, objectList(call.body, "targets")));
  call.project.add("load_balancers", balancer);
  const action = call.world.actions.start(call.project, { command: "create_load_balancer", resources: [ref("load_balancer", balancer)] });
  return created({ load_balancer: present(call, balancer), action });
}

function remove(call: Call, balancer: LoadBalancer): Reply {
  assertUnprotected("load balancer", balancer);
  call.world.actions.assertFree(ref("load_balancer", balancer));
  call.project.remove("load_balancers", balancer.id);
  return GONE;
}

function attachToNetwork(call: Call, balancer: LoadBalancer): Reply {
  const id = requireInteger(call.body, "network");
  if (balancer.privateNet.length > 0) {
    throw apiError("load_balancer_already_attached", `load balancer '${balancer.name}' is already attached to a network`);
  }
  call.world.actions.assertFree(ref("load_balancer", balancer));
  const nic = attachment(call, balancer, id);
  balancer.privateNet.push(nic);
  return act(call, { command: "attach_to_network", resources: [ref("load_balancer", balancer), { id, type: "network" }], locks: [ref("load_balancer", balancer)] });
}

function attachment(call: Call, balancer: LoadBalancer, id: number): { network: number; ip: string } {
  const network = referenced(call, "networks", id);
  const wish = { ip: optionalText(call.body, "ip"), ipRange: optionalText(call.body, "ip_range"), aliasIps: [] };
  return { network: id, ip: chooseAddress(call.project, network, balancer.location, wish) };
}

function detachFromNetwork(call: Call, balancer: LoadBalancer): Reply {
  const id = requireInteger(call.body, "network");
  if (!balancer.privateNet.some((nic) => nic.network === id)) {
    throw apiError("load_balancer_not_attached_to_network", `load balancer '${balancer.name}' is not attached to network ${id}`);
  }
  return change(call, balancer, "detach_from_network", () => { balancer.privateNet = []; });
}

function changeAlgorithm(call: Call, balancer: LoadBalancer): Reply {
  const algorithm = requireOneOf(call.body, "type", ALGORITHMS);
  return change(call, balancer, "change_algorithm", () => { balancer.algorithm = algorithm; });
}

function changeType(call: Call, balancer: LoadBalancer): Reply {
  const type = requireType(call);
  if (type.max_services < balancer.services.length || type.max_targets < balancer.targets.length) {
    throw apiError("invalid_load_balancer_type", `${type.name} is too small for the services and targets of '${balancer.name}'`);
  }
  return change(call, balancer, "change_load_balancer_type", () => { balancer.type = type.name; });
}

function disablePublicInterface(call: Call, balancer: LoadBalancer): Reply {
  if (balancer.privateNet.length === 0) {
    throw apiError("load_balancer_not_attached_to_network", `load balancer '${balancer.name}' would have no interface left`);
  }
  if (balancer.targets.some((target) => !target.usePrivateIp)) {
    throw apiError("targets_without_use_private_ip", `load balancer '${balancer.name}' has targets that use the public IP`);
  }
  return setPublicInterface(call, balancer, false);
}

function setPublicInterface(call: Call, balancer: LoadBalancer, isEnabled: boolean): Reply {
  const command = isEnabled ? "enable_public_interface" : "disable_public_interface";
  return change(call, balancer, command, () => { balancer.publicInterface = isEnabled; });
}

function change(call: Call, balancer: LoadBalancer, command: string, run: () => void): Reply {
  return act(call, { command, resources: [ref("load_balancer", balancer)], run });
}

function requireType(call: Call): LoadBalancerType {
  const key = optionalIdOrName(call.body, "load_balancer_type");
  const type = key === undefined ? undefined : findByIdOrName(LOAD_BALANCER_TYPES, key);
  if (type === undefined) throw invalidInput("load_balancer_type", `'${key}' is not a load balancer type`);
  return type;
}

/** `location`, or any location of `network_zone`: one of the two is needed. */
function readLocation(call: Call): string {
  const [name, zone] = [optionalText(call.body, "location"), optionalText(call.body, "network_zone")];
  if ((name === undefined) === (zone === undefined)) throw invalidInput("location", "exactly one of location and network_zone is needed");
  const found = name === undefined ? LOCATIONS.find((item) => item.network_zone === zone) : findByIdOrName(LOCATIONS, name);
  if (found === undefined) throw invalidInput(name === undefined ? "network_zone" : "location", `'${name ?? zone}' does not exist`);
  if (!call.world.controls.isLocationAvailable(found.name)) throw apiError("resource_unavailable", `location ${found.name} is not available`);
  return found.name;
}

function readAlgorithm(algorithm: Json): string {
  return algorithm.type === undefined ? ALGORITHMS[0] : requireOneOf(algorithm, "type", ALGORITHMS);
}
