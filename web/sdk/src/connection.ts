import { Manager, type Socket } from 'socket.io-client'
import { ChatError, lost } from './error.js'
import type { ChatEvents, ChatRequests, Failure, PlaceJSON, PresenceEvents, PresenceRequests } from './generated/events.js'
import type { TokenKeeper } from './token.js'
import type { ClientOptions, Person, Status } from './types.js'

type Requests = { chat: ChatRequests; presence: PresenceRequests }
type Namespace = keyof Requests

/** What a Connection tells its owner. */
export interface ConnectionHandlers {
  /** What the person of the token has already: it is not sent again. */
  places: () => Record<string, PlaceJSON>
  status(status: Status, error?: string): void
  connected(who: Person): void
  chat<K extends keyof ChatEvents>(name: K, body: ChatEvents[K]): void
  presence<K extends keyof PresenceEvents>(name: K, body: PresenceEvents[K]): void
}

/**
 * Connection holds /presence and /chat over one transport. It comes back after every interruption,
 * replaces the token before it ends, and stops only when the service refuses tokens for good.
 */
export class Connection {
  status: Status = 'idle'
  private _manager: Manager
  private _presence: Socket
  private _chat: Socket
  private _refusals = 0
  private _refreshTimer: ReturnType<typeof setTimeout> | undefined
  private _retryTimer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly _options: ClientOptions, private readonly _token: TokenKeeper, private readonly _on: ConnectionHandlers) {
    this._manager = new Manager(_options.url, {
      autoConnect: false, reconnectionDelay: 400, reconnectionDelayMax: 5_000, randomizationFactor: 0.5,
      transports: _options.transports ?? ['websocket', 'polling'], tryAllTransports: true,
    })
    const auth = (places?: () => object) => (give: (data: object) => void) => {
      this._token.get().then((token) => give({ token, positions: places?.() }), (err: Error) => this._refused(err.message, true))
    }
    this._presence = this._manager.socket('/presence', { auth: auth() })
    this._chat = this._manager.socket('/chat', { auth: auth(this._on.places) })
    this._listen()
  }

  get online(): boolean { return this.status === 'online' }

  open(): void {
    this._refusals = 0
    this._set(this.status === 'idle' || this.status === 'closed' ? 'connecting' : 'reconnecting')
    this._watchNetwork(true)
    this._presence.connect()
  }

  close(): void {
    clearTimeout(this._refreshTimer)
    clearTimeout(this._retryTimer)
    this._watchNetwork(false)
    this._set('closed')
    this._chat.disconnect()
    this._presence.disconnect()
  }

  /** Asks and waits for the acknowledgement. A refusal and a lost connection are ChatErrors. */
  async request<N extends Namespace, K extends keyof Requests[N] & string>(
    nsp: N, name: K, payload: Requests[N][K] extends { request: infer Q } ? Q : never,
  ): Promise<Requests[N][K] extends { reply: infer R } ? R : never> {
    const socket = nsp === 'chat' ? this._chat : this._presence
    if (!socket.connected) throw lost('There is no connection')
    let answer
    try {
      answer = await socket.timeout(this._options.answerTimeout ?? 10_000).emitWithAck(name, payload)
    } catch { throw lost() }
    if (answer?.error) throw new ChatError(answer as Failure)
    return answer
  }

  private _listen(): void {
    this._presence.on('connection', () => connect(this._chat))
    this._presence.onAny((name, body) => this._on.presence(name, body))
    this._chat.on('connection', (body: ChatEvents['connection']) => {
      this._refusals = 0
      this._set('online')
      this._planRefresh()
      this._on.connected(body.data)
    })
    this._chat.onAny((name, body) => this._on.chat(name, body))
    for (const socket of [this._presence, this._chat]) {
      let refusal: Failure | undefined
      socket.on('appError', (failure: Failure) => { if (!failure.event) refusal = failure })
      socket.on('connect_error', () => this._interrupted())
      socket.on('disconnect', (reason) => {
        if (this.status === 'closed') return
        this._interrupted()
        if (reason !== 'io server disconnect') return
        if (refusal?.statusCode === 401) this._refused(refusal.message, false)
        else this._again()
        refusal = undefined
      })
    }
  }

  /** The server has ended a namespace: it does not come back by itself. */
  private _again(): void {
    clearTimeout(this._retryTimer)
    const wait = Math.min(30_000, 250 * 2 ** this._refusals++) * (0.75 + Math.random() / 2)
    this._retryTimer = setTimeout(() => {
      connect(this._presence.connected ? this._chat : this._presence)
    }, wait)
  }

  /** The token was not accepted, or there was none to be had: a few fresh ones, then the end. */
  private _refused(message: string, noToken: boolean): void {
    this._token.forget()
    if (this.status === 'closed' || this.status === 'refused') return
    if (!noToken && this._refusals >= 4) {
      clearTimeout(this._retryTimer)
      this._set('refused', message)
      this._chat.disconnect()
      this._presence.disconnect()
      return
    }
    this._interrupted()
    if (noToken) { // no CONNECT was sent: start this round again
      this._chat.disconnect()
      this._presence.disconnect()
    }
    this._again()
  }

  private _planRefresh(): void {
    clearTimeout(this._refreshTimer)
    const wait = this._token.refreshIn()
    if (wait === undefined) return
    this._refreshTimer = setTimeout(async () => {
      try {
        const token = await this._token.get(true)
        if (!this.online) return
        await Promise.all([this.request('presence', 'refreshToken', { token }), this.request('chat', 'refreshToken', { token })])
      } catch { /* the session's end will ask for a token again */ }
      if (this.online) this._planRefresh()
    }, wait)
  }

  private _interrupted(): void {
    clearTimeout(this._refreshTimer)
    if (this.status === 'online' || this.status === 'connecting') this._set('reconnecting')
  }

  private _set(status: Status, error?: string): void {
    if (status === this.status) return
    this.status = status
    this._on.status(status, error)
  }

  /** A browser knows of a cut cable long before a heartbeat is missed. */
  private _watchNetwork(on: boolean): void {
    const target = globalThis as unknown as Partial<Pick<Window, 'addEventListener' | 'removeEventListener'>>
    for (const [name, handler] of [['offline', this._wentOffline], ['online', this._cameOnline]] as const) {
      if (on) target.addEventListener?.(name, handler)
      else target.removeEventListener?.(name, handler)
    }
  }

  private _wentOffline = () => { this._manager.engine?.close() }
  private _cameOnline = () => { if (this.status === 'reconnecting') connect(this._presence) }
}

/** An active socket is already on its way: asking twice would open it twice. */
function connect(socket: Socket): void {
  if (!socket.active) socket.connect()
}
