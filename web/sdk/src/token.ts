const early = 0.2 // of a token's remaining life, before its end
const longest = 2 ** 31 - 1 // milliseconds a timer can wait

/** TokenKeeper asks for tokens and remembers the current one. It never looks behind a signature. */
export class TokenKeeper {
  private _current = ''
  private _asked: Promise<string> | undefined

  constructor(private readonly _getToken: () => string | Promise<string>) {}

  /** The token to use now; a fresh one when the current one is about to end. */
  async get(fresh = false): Promise<string> {
    if (!fresh && this._current && this._left() > 2_000) return this._current
    this._asked ??= Promise.resolve().then(this._getToken).finally(() => { this._asked = undefined })
    return (this._current = (await this._asked).replace(/^Bearer /, ''))
  }

  /** Forgets a token that was refused. */
  forget(): void { this._current = '' }

  /** Milliseconds until the current token should be replaced; undefined when it does not say. */
  refreshIn(): number | undefined {
    const left = this._left()
    if (left === Infinity) return undefined
    return Math.min(longest, Math.max(1_000, left - Math.min(60_000, left * early)))
  }

  /** Who the token says we are, by the usual claim names. Only the server's word counts. */
  claimed(): { userId: string; userType: string } | undefined {
    const c = this._claims()
    const id = c.userId ?? c.id ?? c.sub
    const type = c.userType ?? c.role
    return id != null && typeof type === 'string' ? { userId: String(id), userType: type.toLowerCase() } : undefined
  }

  private _left(): number {
    const { exp } = this._claims()
    return typeof exp === 'number' ? exp * 1_000 - Date.now() : Infinity
  }

  private _claims(): Record<string, unknown> {
    try {
      const part = this._current.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/')
      return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))))
    } catch { return {} }
  }
}
