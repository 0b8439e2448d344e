import type autocannon from 'autocannon';
import type { Target } from './measure.js';

const JSON_TYPE = { 'content-type': 'application/json' };

function post(name: string, pid: number, place: autocannon.Options, body: string | Buffer, type: Record<string, string> = JSON_TYPE): Target {
  return { name, pid, options: { ...place, method: 'POST', body, headers: type } };
}

const onSocket = (socketPath: string, path: string): autocannon.Options => ({ url: `http://localhost${path}`, socketPath });

/** The yardstick gets the same request as GetKey. */
export function bareTarget(socketPath: string, pid: number): Target {
  return post('bare node:http', pid, onSocket(socketPath, '/GetKey'), '{"path":"my-api-key","purpose":"bench"}');
}

/** The hot calls of a guest agent over prpc JSON, and over Connect where the peer has it (ours). */
export function agentTargets(who: string, socketPath: string, pid: number): Target[] {
  const at = (path: string): autocannon.Options => onSocket(socketPath, path);
  const sign = '{"algorithm":"secp256k1","data":"68656c6c6f"}';
  const prpc = [
    post(`${who} GetKey, prpc JSON`, pid, at('/GetKey'), '{"path":"my-api-key","purpose":"bench"}'),
    post(`${who} GetKey, prpc JSON, a new path each`, pid, { ...at('/GetKey'), idReplacement: true }, '{"path":"[<id>]","purpose":"bench"}'),
    post(`${who} Sign secp256k1, prpc JSON`, pid, at('/Sign'), sign),
    post(`${who} Version, prpc JSON`, pid, at('/Version'), '{}'),
  ];
  if (who !== 'agent') return prpc;
  const connect = (method: string): autocannon.Options => at(`/dstack.guestagent.v1.GuestAgent/${method}`);
  return [
    ...prpc,
    post('agent GetKey, Connect JSON', pid, connect('GetKey'), '{"path":"my-api-key","purpose":"bench"}'),
    post('agent Sign secp256k1, Connect JSON', pid, connect('Sign'), '{"algorithm":"secp256k1","data":"aGVsbG8="}'),
    post('agent Version, Connect JSON', pid, connect('Version'), '{}'),
  ];
}

/** Kept-alive RA-TLS connections: evidence is verified once for each, the policy asked for every call. */
export function kmsTargets(url: string, ca: string, pair: { readonly cert: string; readonly key: string }, pid: number): Target[] {
  const place = (path: string): autocannon.Options => ({ url: `${url}${path}`, tlsOptions: { ca, ...pair } });
  return [
    post('KMS GetAppKey, prpc JSON', pid, place('/prpc/GetAppKey?json'), '{"api_version":1,"vm_config":""}'),
    post('KMS GetKey, prpc JSON', pid, place('/prpc/GetKey?json'), '{"name":"my-api-key"}'),
  ];
}
