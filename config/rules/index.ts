import { adminNetworks } from "./admin-networks";
import { addressBlocks, attachments, countsWithinCapacity, placementGroupCount } from "./capacity";
import { certificateAuthorities } from "./certificate-authorities";
import { diskKeys } from "./disk-keys";
import { enoughDataCenters, lostDataCenters, oneNetworkZone } from "./data-centers";
import { domainGrammar, nameGrammar, volumeNames } from "./names";
import { gateHosts, quorums } from "./quorum";
import { overlappingRanges, rangeGrammar } from "./ranges";
import { serverTypes } from "./server-types";
import { images, stateBackend } from "./state";
import { volumesPerServer, volumeRoles } from "./volumes";
import type { Rule } from "./rule";

/** Every rule, in the order in which problems are reported: that of the description. */
export const RULES: readonly Rule[] = [
  nameGrammar,
  domainGrammar,
  adminNetworks,
  enoughDataCenters,
  oneNetworkZone,
  lostDataCenters,
  gateHosts,
  serverTypes,
  countsWithinCapacity,
  addressBlocks,
  quorums,
  volumeRoles,
  volumeNames,
  volumesPerServer,
  attachments,
  placementGroupCount,
  rangeGrammar,
  overlappingRanges,
  certificateAuthorities,
  diskKeys,
  stateBackend,
  images,
];
