/** A typed emitter: `on` returns the function that ends the subscription. */
export class Emitter<Events> {
  private _handlers = new Map<keyof Events, Set<(body: never) => void>>()

  on<K extends keyof Events>(name: K, handler: (body: Events[K]) => void): () => void {
    const set = this._handlers.get(name) ?? new Set()
    this._handlers.set(name, set.add(handler as (body: never) => void))
    return () => set.delete(handler as (body: never) => void)
  }

  /** Calls every handler; one that throws does not keep the others from hearing. */
  emit<K extends keyof Events>(name: K, body: Events[K]): void {
    for (const handler of [...(this._handlers.get(name) ?? [])]) {
      try { handler(body as never) } catch (err) { setTimeout(() => { throw err }) }
    }
  }
}
