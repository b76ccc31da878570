import type { Connection } from './connection.js'
import { ChatError } from './error.js'
import type { SendRequest } from './generated/events.js'
import type { Outbox } from './outbox.js'
import type { Message, Pending, SendInput } from './types.js'

const slowest = 15_000 // ms between two tries on a connection that is there

/** What a Sender tells its owner. */
export interface SenderHandlers {
  changed(): void
  /** Puts the message into its chat. */
  stored(message: Message): Promise<void>
  failed(error: Error): void
}

/** Sender takes messages from the outbox to the server: one at a time in each chat, in order. */
export class Sender {
  private _lanes = new Set<string>()
  private _waiting = new Map<string, { resolve: (m: Message) => void; reject: (err: Error) => void }>()
  private _wake = new Map<string, () => void>()

  constructor(private readonly _outbox: Outbox, private readonly _connection: Connection, private readonly _on: SenderHandlers) {}

  send(input: SendInput): Promise<Message> {
    const item: Pending = { ...input, clientMessageId: input.clientMessageId ?? newKey(), createdAt: Date.now(), state: 'queued' }
    const promise = new Promise<Message>((resolve, reject) => this._waiting.set(item.clientMessageId, { resolve, reject }))
    this._outbox.put(item)
    this._on.changed()
    this.pump()
    return promise
  }

  retry(key: string): void {
    const item = this._outbox.find(key)
    if (item?.state !== 'failed') return
    const { error: _, ...rest } = item
    this._outbox.put({ ...rest, state: 'queued' })
    this._on.changed()
    this.pump()
  }

  discard(key: string): void {
    if (!this._outbox.remove(key)) return
    this._settle(key)?.reject(new ChatError({ message: 'The message was discarded', statusCode: 499, retryable: false }))
    this._on.changed()
  }

  /** A stored message of our own has been seen: whatever waited for it is done. */
  confirm(message: Message, mine: boolean): void {
    const key = message.clientMessageId
    if (!mine || !key || !this._outbox.remove(key)) return
    this._settle(key)?.resolve(message)
    this._on.changed()
  }

  /** Starts every lane that has something to send. */
  pump(): void {
    for (const wake of [...this._wake.values()]) wake()
    for (const item of this._outbox.list()) {
      const lane = laneOf(item)
      if (item.state === 'queued' && !this._lanes.has(lane)) void this._run(lane)
    }
  }

  private async _run(lane: string): Promise<void> {
    this._lanes.add(lane)
    try {
      for (let tries = 0; this._connection.online;) {
        const item = this._outbox.list().find((p) => p.state === 'queued' && laneOf(p) === lane)
        if (!item) return
        const again = await this._try(item)
        if (again === undefined) tries = 0
        else await this._pause(lane, Math.max(again, Math.min(slowest, 300 * 2 ** tries++)))
      }
    } finally { this._lanes.delete(lane) }
  }

  /** One try; the milliseconds to wait at least before the next one, undefined when it is settled. */
  private async _try(item: Pending): Promise<number | undefined> {
    const key = item.clientMessageId
    this._outbox.put({ ...item, state: 'sending' })
    this._on.changed()
    try {
      const { data } = await this._connection.request('chat', 'sendMessage', toRequest(item))
      const message = { ...data, messageImages: data.messageImages ?? [] } as Message
      await this._on.stored(message).catch(() => { /* stored all the same; the chat is fetched later */ })
      this._outbox.remove(key)
      this._settle(key)?.resolve(message)
      this._on.changed()
    } catch (err) {
      const error = err instanceof ChatError ? err : new ChatError({ message: String(err), retryable: true })
      if (!this._outbox.find(key)) return undefined // seen stored meanwhile, or discarded
      if (error.retryable) {
        this._outbox.put({ ...item, state: 'queued' })
        this._on.changed()
        return error.retryAfterMs
      }
      this._outbox.put({ ...item, state: 'failed', error: error.message })
      const waiting = this._settle(key)
      if (waiting) waiting.reject(error)
      else this._on.failed(error)
      this._on.changed()
    }
    return undefined
  }

  private _pause(lane: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => { clearTimeout(timer); this._wake.delete(lane); resolve() }
      const timer = setTimeout(done, ms)
      this._wake.set(lane, done)
    })
  }

  private _settle(key: string) {
    const waiting = this._waiting.get(key)
    this._waiting.delete(key)
    return waiting
  }
}

const laneOf = (p: Pending) => p.chatId ?? `${p.productId}/${p.recipientId}`

function toRequest(p: Pending): SendRequest {
  const { createdAt: _c, state: _s, error: _e, images, ...rest } = p
  return { ...rest, ...(images?.length && { messageImages: images.map((i) => i.id) }) } as SendRequest
}

function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(15))
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_')
}
