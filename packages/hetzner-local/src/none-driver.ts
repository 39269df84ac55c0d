import type { ServerDriver } from "./driver";

const nothing = (): Promise<void> => Promise.resolve();

/** The driver that does nothing: the API keeps records, no machine exists. */
export const noneDriver: ServerDriver = {
  describes: "records only: no machine is started",
  create: nothing,
  delete: nothing,
  powerOn: nothing,
  powerOff: nothing,
  shutdown: nothing,
  reboot: nothing,
  attachVolume: nothing,
  detachVolume: nothing,
  attachNic: nothing,
  detachNic: nothing,
  control: nothing,
  close: nothing,
};
