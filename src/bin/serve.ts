/** Something that runs until it is told to stop. */
export interface Service {
  start(): Promise<void>;
  /** Finishes what is in flight, for at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
  /** Rejects when it can serve no longer although nobody stopped it. */
  readonly ended?: Promise<void>;
}

/** Milliseconds requests in flight get to finish after SIGTERM. */
const GRACE_MS = 10_000;

/** Runs a service until SIGTERM or SIGINT; a second signal ends the process at once. */
export async function serve(service: Service): Promise<void> {
  const signalled = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  await service.start();
  await Promise.race([signalled, ...(service.ended === undefined ? [] : [service.ended])]);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(130));
  await service.stop(GRACE_MS);
}
