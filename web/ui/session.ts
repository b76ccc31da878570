/**
 * Where a page's token comes from: in the demo from the service itself; else from the address after
 * #token= (it reaches no server and no log), kept for this tab; else somebody pastes one.
 */
export class Session {
  constructor(private readonly key: string, readonly demoUrl: string | undefined) {
    const given = new URLSearchParams(location.hash.slice(1)).get('token')
    if (given) {
      sessionStorage.setItem(key, given)
      history.replaceState(null, '', location.pathname + location.search)
    }
  }

  /** A token, or undefined when somebody has to give one. */
  async token(): Promise<string | undefined> {
    const kept = sessionStorage.getItem(this.key)
    if (kept) return kept
    if (!this.demoUrl) return undefined
    const res = await fetch(this.demoUrl)
    return res.ok ? ((await res.json()) as { token: string }).token : undefined
  }

  use(token: string): void { sessionStorage.setItem(this.key, token.trim().replace(/^Bearer /, '')) }
  forget(): void { sessionStorage.removeItem(this.key) }
}
