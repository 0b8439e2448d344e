/** One measured quantity. */
export interface Metric {
  readonly name: string;
  /** One line. */
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Values of labels hold neither quotes, backslashes nor line ends. */
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

/** Calls that release something to attested callers, and how many of them were refused (spec/kms.md section 19). */
export class KmsMetrics {
  readonly #more: () => readonly Metric[];
  #requests = 0;
  #failures = 0;

  /** @param more what other parts of the process measured, asked for each time */
  constructor(more: () => readonly Metric[] = () => []) {
    this.#more = more;
  }

  /** Counts one finished call. */
  count(succeeded: boolean): void {
    this.#requests++;
    if (!succeeded) this.#failures++;
  }

  /** Prometheus text format 0.0.4. */
  text(): string {
    const own: readonly Metric[] = [
      { name: 'dstack_kms_attestation_requests_total', help: 'Total number of KMS attestation requests.', type: 'counter', samples: [{ value: this.#requests }] },
      { name: 'dstack_kms_attestation_failures_total', help: 'Total number of failed KMS attestation requests.', type: 'counter', samples: [{ value: this.#failures }] },
    ];
    return [...own, ...this.#more()].map(textOf).join('');
  }
}

function textOf({ name, help, type, samples }: Metric): string {
  const lines = samples.map(({ labels = {}, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}
