import type { Figure } from './measure.js';

/** Server CPU a request of the existing Rust agent and KMS on the machine of the reference, milliseconds. */
const REFERENCE_MS: Readonly<Record<string, number>> = { GetKey: 0.26, Sign: 0.43, Version: 0.024, GetAppKey: 3.4 };

/** The figures as a text table; ratios are to the first, the bare server. */
export function table(figures: readonly Figure[]): string {
  const [bare] = figures;
  const rows = figures.map((figure) => [
    figure.name,
    figure.perSecond.toFixed(0),
    figure.cpuMs.toFixed(3),
    bare === undefined ? '' : (figure.perSecond / bare.perSecond).toFixed(2),
    reference(figure.name),
  ]);
  const head = ['call', 'requests/s', 'server CPU ms', 'of bare', 'reference CPU ms'];
  const widths = head.map((text, i) => Math.max(text.length, ...rows.map((row) => (row[i] ?? '').length)));
  return [head, ...rows].map((row) => `${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}\n`).join('');
}

function reference(name: string): string {
  const method = /(GetAppKey|GetKey|Sign|Version)/.exec(name)?.[1] ?? '';
  const known = name.startsWith('KMS GetKey') ? undefined : REFERENCE_MS[method];
  return known === undefined ? '' : String(known);
}
