import { ChatError, lost } from './error.js'
import type { Failure } from './generated/events.js'
import type { TokenKeeper } from './token.js'
import { whole } from './store.js'
import type { Image } from './types.js'

/** Rest asks the service over HTTP, with the same token. Failures are ChatErrors. */
export class Rest {
  constructor(private readonly _url: string, private readonly _token: TokenKeeper) {}

  get<T>(path: string, query: Record<string, string | number | undefined> = {}): Promise<T> {
    const pairs = Object.entries(query).filter(([, v]) => v !== undefined && v !== '').map(([k, v]) => [k, String(v)])
    return this.call<T>('GET', path + (pairs.length ? `?${new URLSearchParams(pairs)}` : ''))
  }

  async upload(file: Blob, name = 'picture'): Promise<Image> {
    const form = new FormData()
    form.append('file', file, name)
    return whole(this._url, (await this.call<{ data: Image }>('POST', '/uploads', form)).data)
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const isForm = body instanceof FormData
    let res: Response
    try {
      res = await fetch(new URL(`/api/v1${path}`, this._url), {
        method,
        headers: { authorization: `Bearer ${await this._token.get()}`, ...(body !== undefined && !isForm && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
      })
    } catch (err) { throw lost((err as Error).message) }
    const answer = (await res.json().catch(() => undefined)) as (T & Partial<Failure>) | undefined
    if (!res.ok || !answer || answer.error) throw new ChatError(answer?.message ? answer : { message: `The service answered ${res.status}`, statusCode: res.status })
    return answer
  }
}
