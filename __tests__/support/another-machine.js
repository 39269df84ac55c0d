/**
 * Preloaded with `node -r`: lets a program believe that it is a year later and on another machine. What it can't change is
 * the version of Node and of the modules, which the lock file fixes.
 */
const os = require("node:os");

const YEAR = 365 * 24 * 60 * 60 * 1000;
const RealDate = Date;

class LaterDate extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + YEAR);
    else super(...parts);
  }

  static now() {
    return RealDate.now() + YEAR;
  }
}

globalThis.Date = LaterDate;
Object.assign(os, {
  hostname: () => "another-machine",
  cpus: () => [],
  tmpdir: () => "/var/tmp",
  userInfo: () => ({ username: "somebody", uid: 4242, gid: 4242, shell: "/bin/false", homedir: "/nowhere" }),
});
let seed = 1;
Math.random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
