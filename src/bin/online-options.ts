import { type Command, InvalidArgumentError, Option } from 'commander';
import type { OnlinePlaces } from '../app/online-sources.js';
import { DEFAULT_AMD_KDS_URL } from '../attestation/certificate-fetcher.js';
import { DEFAULT_CERTIFICATE_HOSTS } from '../config/certificate-hosts.js';

export interface OnlineOptions {
  readonly pccs: readonly string[];
  readonly certificateHost: readonly string[];
  readonly amdKds: string;
}

/** Naming where to ask is telling to ask. */
const ASKING = { online: true };

/** Options of commands that ask the network only when told to. Naming a service is telling. */
export function addOnlineOptions(command: Command): Command {
  return addPlaceOptions(command.option('--online', 'look up collateral, certificates and revocation lists in the network', false));
}

/** Options of commands that ask the network. */
export function addPlaceOptions(command: Command): Command {
  return addCertificateHosts(command, ASKING)
    .addOption(new Option('--pccs <url>', 'collateral service; may be repeated, asked in order').argParser(httpUrls).default([]).implies(ASKING))
    .addOption(new Option('--amd-kds <url>', 'AMD key service').argParser(httpUrl).default(DEFAULT_AMD_KDS_URL).implies(ASKING));
}

/** @param implied options it sets */
export function addCertificateHosts(command: Command, implied: Readonly<Record<string, unknown>> = {}): Command {
  return command.addOption(new Option('--certificate-host <host>', `host that URLs in certificates may name, beside ${DEFAULT_CERTIFICATE_HOSTS.join(', ')}`).argParser(hosts).default([]).implies(implied));
}

export function certificateHostsOf(more: readonly string[]): readonly string[] {
  return [...DEFAULT_CERTIFICATE_HOSTS, ...more];
}

export function placesOf({ pccs, certificateHost, amdKds }: OnlineOptions): OnlinePlaces {
  return { pccsUrls: pccs, certificateHosts: certificateHostsOf(certificateHost), amdKdsUrl: amdKds };
}

/** null when the network is not to be asked. */
export function onlinePlaces(options: OnlineOptions & { readonly online: boolean }): OnlinePlaces | null {
  return options.online ? placesOf(options) : null;
}

function httpUrls(url: string, before: readonly string[]): readonly string[] {
  return [...before, httpUrl(url)];
}

function httpUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new InvalidArgumentError('not an http or https URL');
  return url;
}

function hosts(host: string, before: readonly string[]): readonly string[] {
  return [...before, host.toLowerCase()];
}
