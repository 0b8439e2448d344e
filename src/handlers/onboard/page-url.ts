import { createHash } from 'node:crypto';
import type { PlainRoute } from '../../http/plain-route.js';

export const PAGE_PROCEDURE = 'plain/onboard-page';

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; overflow-wrap: anywhere; font-family: ui-monospace, monospace; font-size: .85rem; }
input { font: inherit; padding: .3rem .5rem; width: 20rem; max-width: 100%; }
button { font: inherit; padding: .3rem .8rem; }
pre { overflow-wrap: anywhere; white-space: pre-wrap; background: #8882; padding: .6rem; }
`;

const SCRIPT = `
const at = (id) => document.getElementById(id);
const call = async (method, message) => {
  const answer = await fetch('/prpc/Onboard.' + method + '?json', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(message) });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
};
const row = (name, value) => {
  const term = document.createElement('dt');
  const detail = document.createElement('dd');
  term.textContent = name;
  detail.textContent = value === '' ? '(none)' : value;
  at('info').append(term, detail);
};
call('GetAttestationInfo', {}).then((info) => Object.entries(info).forEach(([name, value]) => row(name, value)), (error) => row('error', error.message));
at('bootstrap').addEventListener('submit', async (event) => {
  event.preventDefault();
  at('start').disabled = true;
  try {
    at('result').textContent = JSON.stringify(await call('Bootstrap', { domain: at('domain').value.trim() }), null, 2);
    at('finish').disabled = false;
  } catch (error) {
    at('result').textContent = error.message;
    at('start').disabled = false;
  }
});
at('finish').addEventListener('click', async () => {
  const answer = await fetch('/finish');
  at('done').textContent = answer.ok ? 'Done. The KMS now serves RA-TLS on this port.' : (await answer.json()).error;
});
`;

/** `GET /`: what to register, and buttons for Bootstrap and Finish. Loads nothing from anywhere else. */
export function pageUrl(siteName: string): PlainRoute {
  const body = page(escapeHtml(siteName === '' ? 'dstack KMS Setup' : siteName));
  const headers = {
    'Content-Security-Policy': `default-src 'none'; connect-src 'self'; style-src '${sourceHash(STYLE)}'; script-src '${sourceHash(SCRIPT)}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'Cache-Control': 'no-store',
  };
  return { procedure: PAGE_PROCEDURE, verb: 'GET', path: '/', handle: () => ({ status: 200, contentType: 'text/html; charset=utf-8', body, headers }) };
}

function page(title: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body>
<h1>${title}</h1>
<p>This KMS has no root keys yet. Register what it measures as with your policy, then bootstrap it.</p>
<h2>1. Register</h2>
<dl id="info"></dl>
<h2>2. Bootstrap</h2>
<form id="bootstrap"><input id="domain" required placeholder="DNS name or IP address" aria-label="Domain"> <button id="start">Bootstrap</button></form>
<pre id="result" aria-live="polite"></pre>
<h2>3. Finish</h2>
<button id="finish" disabled>Finish setup</button>
<p id="done" aria-live="polite"></p>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** Source expression of an inline element (Content Security Policy Level 3, section 2.3.1). */
function sourceHash(content: string): string {
  return `sha256-${createHash('sha256').update(content, 'utf8').digest('base64')}`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
