/** Items waiting in lanes: first come, first served within a lane, and the lanes take turns. */
export class FairLanes<T> {
  /** In the order of their turns; never an empty lane. */
  readonly #lanes = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** A lane that is new here has its turn after all others. */
  add(lane: string, item: T): void {
    const items = this.#lanes.get(lane);
    if (items === undefined) this.#lanes.set(lane, [item]);
    else items.push(item);
    this.#size++;
  }

  /** Whose turn it is, or undefined. Its lane goes to the end of the round. */
  take(): T | undefined {
    const next = this.#lanes.entries().next();
    if (next.done === true) return undefined;
    const [lane, items] = next.value;
    const item = items.shift();
    this.#lanes.delete(lane);
    if (items.length > 0) this.#lanes.set(lane, items);
    this.#size--;
    return item;
  }

  remove(lane: string, item: T): void {
    const items = this.#lanes.get(lane) ?? [];
    const at = items.indexOf(item);
    if (at < 0) return;
    items.splice(at, 1);
    if (items.length === 0) this.#lanes.delete(lane);
    this.#size--;
  }

  /** How many of those waiting now would be taken before an item that is added to `lane` now. */
  ahead(lane: string): number {
    const own = this.#lanes.get(lane)?.length ?? 0;
    let count = own;
    // Until the lane itself comes up in the round, others have one turn more than it.
    let before = true;
    for (const [name, items] of this.#lanes) {
      if (name === lane) before = false;
      else count += Math.min(items.length, before ? own + 1 : own);
    }
    return count;
  }
}
