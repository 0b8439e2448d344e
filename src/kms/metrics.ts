/** Calls that release something to attested callers, and how many of them were refused (spec/kms.md section 19). */
export class KmsMetrics {
  #requests = 0;
  #failures = 0;

  /** Counts one finished call. */
  count(succeeded: boolean): void {
    this.#requests++;
    if (!succeeded) this.#failures++;
  }

  /** Prometheus text format 0.0.4. */
  text(): string {
    return (
      counter('dstack_kms_attestation_requests_total', 'Total number of KMS attestation requests.', this.#requests) +
      counter('dstack_kms_attestation_failures_total', 'Total number of failed KMS attestation requests.', this.#failures)
    );
  }
}

function counter(name: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} counter\n${name} ${value}\n`;
}
