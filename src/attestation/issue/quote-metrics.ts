/** Why the quote service sent somebody away: no room at all, none left for that peer, or no turn in time. */
export type RefusalReason = 'full' | 'peer' | 'deadline';

/** What the quote service did, for `/metrics`. */
export class QuoteMetrics {
  readonly #refused: Record<RefusalReason, number> = { full: 0, peer: 0, deadline: 0 };
  #waiting = 0;
  #coalesced = 0;
  #timedOut = 0;
  #failed = 0;
  readonly #waits = { count: 0, ms: 0 };
  readonly #device = { count: 0, ms: 0 };

  /** Requests behind the one the device works on. */
  depth(waiting: number): void {
    this.#waiting = waiting;
  }

  refused(reason: RefusalReason): void {
    this.#refused[reason]++;
  }

  coalesced(): void {
    this.#coalesced++;
  }

  timedOut(): void {
    this.#timedOut++;
  }

  /** A request had its turn after `ms` milliseconds. */
  waited(ms: number): void {
    this.#waits.count++;
    this.#waits.ms += ms;
  }

  /** The device was busy for `ms` milliseconds. */
  worked(ms: number, succeeded: boolean): void {
    this.#device.count++;
    this.#device.ms += ms;
    if (!succeeded) this.#failed++;
  }

  /** Prometheus text format 0.0.4. */
  text(): string {
    const refused = Object.entries(this.#refused).map(([reason, count]) => `dstack_quote_refused_total{reason="${reason}"} ${count}\n`);
    return [
      metric('dstack_quote_queue_depth', 'gauge', 'Requests for evidence waiting for the device.'),
      `dstack_quote_queue_depth ${this.#waiting}\n`,
      ...summary('dstack_quote_wait_seconds', 'Time requests for evidence waited for their turn.', this.#waits),
      ...summary('dstack_quote_device_seconds', 'Time the device worked on evidence.', this.#device),
      metric('dstack_quote_refused_total', 'counter', 'Requests for evidence refused for want of room or time.'),
      ...refused,
      ...counter('dstack_quote_coalesced_total', 'Requests for evidence answered together with an identical one.', this.#coalesced),
      ...counter('dstack_quote_timeouts_total', 'Requests for evidence whose deadline passed while the device worked on them.', this.#timedOut),
      ...counter('dstack_quote_device_failures_total', 'Operations of the device that failed.', this.#failed),
    ].join('');
  }
}

function metric(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function counter(name: string, help: string, value: number): string[] {
  return [metric(name, 'counter', help), `${name} ${value}\n`];
}

function summary(name: string, help: string, { count, ms }: { readonly count: number; readonly ms: number }): string[] {
  return [metric(name, 'summary', help), `${name}_sum ${ms / 1000}\n`, `${name}_count ${count}\n`];
}
