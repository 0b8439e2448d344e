import { DstackError } from './base.js';

export type ConfigCode = 'CONFIG_UNREADABLE' | 'CONFIG_MALFORMED' | 'CONFIG_INVALID';

/** The process cannot start with the configuration it was given. */
export class ConfigError extends DstackError<ConfigCode> {}
