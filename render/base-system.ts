import { toIni, toLines } from "./writers";

/** Renders a drop-in for systemd-timesyncd. */
export function renderTimeSync(servers: readonly string[]): string {
  return toIni({ Time: { NTP: servers.join(" ") } });
}

/**
 * Renders apt's settings for unattended upgrades: security updates daily, no restart of the machine. What is held is
 * left alone.
 */
export function renderUnattendedUpgrades(held: readonly string[]): string {
  return toLines([
    'APT::Periodic::Update-Package-Lists "1";',
    'APT::Periodic::Unattended-Upgrade "1";',
    "#clear Unattended-Upgrade::Origins-Pattern;",
    'Unattended-Upgrade::Origins-Pattern { "origin=Debian,label=Debian-Security"; };',
    `Unattended-Upgrade::Package-Blacklist { ${held.map((name) => `"^${name}$"; `).join("")}};`,
    'Unattended-Upgrade::Automatic-Reboot "false";',
  ]);
}
