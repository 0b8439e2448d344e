/**
 * Does one thing each time the event loop comes round, in order: what arrives in bursts then leaves room for everything
 * else. A task must not throw.
 */
export class Turns {
  readonly #tasks: (() => void)[] = [];
  #running = false;

  add(task: () => void): void {
    this.#tasks.push(task);
    if (this.#running) return;
    this.#running = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#tasks.shift()?.();
    if (this.#tasks.length > 0) setImmediate(this.#turn);
    else this.#running = false;
  };
}
