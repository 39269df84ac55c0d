import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A line of a result: what was done, how it ended, what in it was real. */
export interface ResultLine {
  readonly step: string;
  readonly verdict: "passed" | "failed" | "skipped";
  /** `real`, or `simulated: what`. */
  readonly reality: string;
  readonly seconds?: number;
  readonly note?: string;
}

/** Something that took a while, in seconds from a common beginning. */
export interface Span {
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

/** The result of a rehearsal, a lab or a benchmark. */
export interface Result {
  readonly name: string;
  readonly verdict: "passed" | "failed";
  readonly versions: Readonly<Record<string, string>>;
  readonly lines: readonly ResultLine[];
  /** Tables to show below the lines, by title. */
  readonly tables: Readonly<Record<string, readonly (readonly string[])[]>>;
  /**
   * What happened when, to draw as bars below one another, by title.
   *
   * @default - none
   */
  readonly timelines?: Readonly<Record<string, readonly Span[]>>;
}

/** Writes `<name>.json`, with the commit that ran, and a page of its own beside it; gives the page's path. */
export function writeResult(directory: string, result: Result): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${result.name}.json`), `${JSON.stringify({ commit: commit(), ...result }, null, 2)}\n`);
  const page = join(directory, `${result.name}.html`);
  writeFileSync(page, renderPage(result));
  return page;
}

/** With `-dirty` after it where files were changed since; `none` outside a checkout. */
function commit(): string {
  try {
    const describe = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
    return execFileSync("git", describe, { cwd: __dirname, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "none";
  }
}

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 0 0 2rem; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.passed { color: #1a7f37; } .failed { color: #cf222e; } .skipped { color: #9a6700; }
.bar { height: .6rem; background: #4c8dff; border-radius: 2px; min-width: 1px; }
`;

function renderPage({ name, verdict, versions, lines, tables, timelines = {} }: Result): string {
  const longest = Math.max(...lines.map(({ seconds }) => seconds ?? 0), 1);
  const rows = lines.map(
    (line) =>
      `<tr><td>${escape(line.step)}</td><td class="${line.verdict}">${line.verdict}</td>` +
      `<td class="number">${line.seconds === undefined ? "" : `${line.seconds.toFixed(1)} s`}</td>` +
      `<td style="width:20%"><div class="bar" style="width:${(((line.seconds ?? 0) / longest) * 100).toFixed(1)}%"></div></td>` +
      `<td>${escape(line.reality)}</td><td>${escape(line.note ?? "")}</td></tr>`,
  );
  const more = [
    ...Object.entries(tables).map(([title, table]) => `<h2>${escape(title)}</h2>${renderTable(table)}`),
    ...Object.entries(timelines).map(([title, spans]) => `<h2>${escape(title)}</h2>${renderTimeline(spans)}`),
  ];
  const used = Object.entries(versions).map(([tool, version]) => `${escape(tool)} ${escape(version)}`);
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>${escape(name)}: ${verdict}</title><style>${STYLE}</style>` +
    `<h1>${escape(name)}: <span class="${verdict}">${verdict}</span></h1><p>${used.join(" · ")}</p>` +
    `<table><tr><th>step<th>verdict<th>time<th><th>real or simulated<th>note</tr>${rows.join("")}</table>${more.join("")}</html>\n`
  );
}

/** The first row is the heading. */
function renderTable([heading, ...rows]: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string) => row.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("");
  return `<table><tr>${cells(heading, "th")}</tr>${rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("")}</table>`;
}

/** A bar for each span, where it belongs on one scale. */
function renderTimeline(spans: readonly Span[]): string {
  const end = Math.max(...spans.map(({ to }) => to), 1);
  const percent = (seconds: number) => `${((seconds / end) * 100).toFixed(2)}%`;
  const rows = spans.map(
    ({ label, from, to }) =>
      `<tr><td>${escape(label)}</td><td class="number">${from.toFixed(1)} s</td><td class="number">${(to - from).toFixed(1)} s</td>` +
      `<td style="width:55%"><div class="bar" style="margin-left:${percent(from)};width:${percent(to - from)}"></div></td></tr>`,
  );
  return `<table><tr><th>what<th>from<th>took<th></tr>${rows.join("")}</table>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
