export class Emitter {
  on(event, handler) {
    ((this._all ??= {})[event] ??= []).push(handler)
    return this
  }

  once(event, handler) {
    const once = (...args) => {
      this.off(event, once)
      handler.apply(this, args)
    }
    once._of = handler
    return this.on(event, once)
  }

  off(event, handler) {
    if (!event) this._all = {}
    else if (this._all?.[event]) this._all[event] = handler ? this._all[event].filter((h) => h !== handler && h._of !== handler) : []
    return this
  }

  emit(event, ...args) {
    for (const handler of [...this.listeners(event)]) handler.apply(this, args)
    return this
  }

  listeners(event) { return this._all?.[event] ?? [] }
  hasListeners(event) { return this.listeners(event).length > 0 }
}

Emitter.prototype.emitReserved = Emitter.prototype.emit
Emitter.prototype.removeAllListeners = Emitter.prototype.off
