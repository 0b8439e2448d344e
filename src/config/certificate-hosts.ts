import { z } from 'zod';

/** Where Google's certificate authority service publishes the certificates and revocation lists of vTPM keys. */
export const DEFAULT_CERTIFICATE_HOSTS: readonly string[] = ['*.storage.googleapis.com'];

const host = z
  .string()
  .max(260)
  .regex(/^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$/i, 'must be a host name, host:port, or "*." and a suffix')
  .transform((text) => text.toLowerCase());

/** Hosts that URLs inside certificates may be fetched from; an empty list fetches nothing. */
export const certificateHosts = z.array(host).max(64).default([...DEFAULT_CERTIFICATE_HOSTS]);
