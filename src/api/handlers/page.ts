/** What a person sees who opens the address in a browser. No script, no request to anywhere, one style sheet whose hash the policy names. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1c1b19;--soft:#625e57;--paper:#fbfaf8;--card:#fff;--line:#e4e0d9;--mark:#8a4b12}
@media (prefers-color-scheme:dark){:root{--ink:#eceae6;--soft:#a39e95;--paper:#161513;--card:#1e1d1a;--line:#35322d;--mark:#e2a15f}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 ui-sans-serif,system-ui,sans-serif}
main{max-width:46rem;margin:0 auto;padding:3rem 1.25rem 4rem}
header{display:flex;align-items:center;gap:.75rem;margin-bottom:.5rem}
svg{width:2.25rem;height:2.25rem;color:var(--mark);flex:none}
h1{font-size:1.6rem;margin:0;letter-spacing:-.01em}
h2{font-size:.8rem;text-transform:uppercase;letter-spacing:.08em;color:var(--soft);margin:2.5rem 0 .75rem}
p{margin:.5rem 0}
.lead{font-size:1.1rem;color:var(--soft);max-width:38rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.35rem 1.25rem;margin:0;padding:1rem 1.25rem;background:var(--card);border:1px solid var(--line);border-radius:10px}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
ul{list-style:none;margin:0;padding:0;background:var(--card);border:1px solid var(--line);border-radius:10px}
li{padding:.7rem 1.25rem}
li+li{border-top:1px solid var(--line)}
li span{display:block;color:var(--soft);font-size:.9rem}
a{color:var(--mark);text-underline-offset:.2em}
a:focus-visible{outline:2px solid var(--mark);outline-offset:2px;border-radius:3px}
code,pre{font:.875em/1.5 ui-monospace,SFMono-Regular,Menlo,monospace}
p code{white-space:nowrap}
pre code{font:inherit}
pre{margin:.5rem 0;padding:1rem 1.25rem;background:var(--card);border:1px solid var(--line);border-radius:10px;white-space:pre-wrap;overflow-wrap:anywhere}
pre+p{margin-top:.75rem}
footer{margin-top:3rem;color:var(--soft);font-size:.875rem}
@media (max-width:30rem){main{padding:1.75rem 1rem 3rem}dl{grid-template-columns:1fr;gap:0 0}dd{margin-bottom:.6rem}dd:last-child{margin-bottom:0}}
`;

/** A ratchet's tooth and the catch that holds it. */
const MARK =
  '<path fill="none" stroke="currentColor" stroke-width="2.4" stroke-linejoin="round" stroke-linecap="round" d="M3 27h6l2-9 4 9h4l2-9 4 9h4M27 4 13 10l3 6"/>';
const ICON = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" color="#b0651f">${MARK}</svg>`)}`;

export interface PageFacts {
  readonly version: string;
  readonly size: number;
  readonly vkeys: readonly string[];
  /** Where people reach this server, when that is not the address bar's own origin. */
  readonly origin?: string | undefined;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const PROPOSE = `pawl propose --as AGENT --repo NAME --branch main \\
  --title "Correct the README" --patch fix.patch
pawl show --as YOU CHANGE
pawl approve --as YOU CHANGE
pawl verify --as YOU CHANGE`;

export function pageHtml({ version, size, vkeys, origin }: PageFacts): string {
  const fact = (name: string, value: string): string => `<dt>${name}</dt><dd>${value}</dd>`;
  const link = (href: string, name: string, what: string): string => `<li><a href="${href}">${name}</a><span>${what}</span></li>`;
  const facts = [
    fact("Version", escaped(version)),
    fact("Ledger", `${size.toLocaleString("en")} ${size === 1 ? "entry" : "entries"}`),
    ...vkeys.slice(0, 1).map((key) => fact("Verifier key", `<code>${escaped(key)}</code>`)),
    ...(origin === undefined ? [] : [fact("Address", `<code>${escaped(origin)}</code>`)]),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>Pawl</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<main>
<header><svg viewBox="0 0 32 32" aria-hidden="true">${MARK}</svg><h1>Pawl</h1></header>
<p class="lead">The control plane for changes that AI proposes. A change is planned, judged, signed by people, run against exactly the state that was approved, and proven from a public ledger.</p>
<h2>This server</h2>
<dl>${facts.join("")}</dl>
<h2>Propose, read, sign</h2>
<pre><code>${escaped(PROPOSE)}</code></pre>
<p>An agent does the same with <code>POST /v1/changes</code> and a bearer token. <code>pawl --help</code> shows the rest.</p>
<h2>Where things are</h2>
<ul>
${link("/v1/openapi.json", "/v1/openapi.json", "The HTTP API under /v1, as OpenAPI 3.1")}
${link("/checkpoint", "/checkpoint", "The ledger's signed head; its tiles are under /tile/, for any C2SP tlog-tiles client")}
${link("/v1/ledger/head", "/v1/ledger/head", "The same head, with the keys that verify it")}
${link("/v1/health", "/v1/health", "Whether all is well")}
</ul>
<footer>The guides are in the <code>docs</code> folder of what was installed: begin with <code>README.md</code> and <code>docs/api.md</code>.</footer>
</main>
</body>
</html>
`;
}
