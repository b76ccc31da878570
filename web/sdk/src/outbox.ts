import type { Pending, Storage } from './types.js'

/**
 * Outbox keeps what is not stored by the server yet, oldest first, each under a key of its own so
 * that several tabs do not overwrite each other. Messages are kept for one person; until it is known
 * who that is, in memory only.
 */
export class Outbox {
  private _items: Pending[] = []
  private _prefix = ''

  constructor(private readonly _storage: Storage | null, private readonly _url: string) {}

  list(): readonly Pending[] { return this._items }

  find(key: string): Pending | undefined { return this._items.find((p) => p.clientMessageId === key) }

  /** Says whose outbox this is, and brings back what they had not sent. True when something came. */
  belongTo(owner: string): boolean {
    const prefix = `chaffer:outbox:${this._url}:${owner}:`
    if (prefix === this._prefix) return false
    const fresh = this._prefix ? [] : this._items // somebody else's stay where they are
    this._prefix = prefix
    this._items = []
    for (let i = 0; this._storage && i < this._storage.length; i++) {
      const key = this._storage.key(i)
      if (key?.startsWith(prefix)) this._load(key)
    }
    for (const item of fresh) this.put(item)
    this._items.sort((a, b) => a.createdAt - b.createdAt)
    return this._items.length > 0
  }

  /** Adds or updates. */
  put(item: Pending): void {
    const at = this._items.findIndex((p) => p.clientMessageId === item.clientMessageId)
    if (at < 0) this._items.push(item)
    else this._items[at] = item
    if (!this._prefix) return
    // A full or forbidden storage costs the survival of a reload, not the message.
    try { this._storage?.setItem(this._prefix + item.clientMessageId, JSON.stringify(item)) } catch { /* kept in memory */ }
  }

  remove(key: string): Pending | undefined {
    const at = this._items.findIndex((p) => p.clientMessageId === key)
    if (at < 0) return undefined
    try { this._storage?.removeItem(this._prefix + key) } catch { /* it was not there */ }
    return this._items.splice(at, 1)[0]
  }

  private _load(key: string): void {
    try {
      const item = JSON.parse(this._storage!.getItem(key)!) as Pending
      if (typeof item.clientMessageId !== 'string') return
      if (item.state === 'sending') item.state = 'queued'
      this._items.push(item)
    } catch { this._storage!.removeItem(key) }
  }
}

/** The browser's storage, when there is one and it may be used. */
export function defaultStorage(): Storage | null {
  try {
    const s = globalThis.localStorage
    s?.setItem('chaffer:probe', '1')
    s?.removeItem('chaffer:probe')
    return s ?? null
  } catch { return null }
}
