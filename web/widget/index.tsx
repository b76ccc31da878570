import { render } from 'preact'
import { createChatClient, type ChatClient } from '@chaffer/client'
import threadCss from '../ui/thread.css'
import { textsOf } from '../ui/texts.js'
import { Panel } from './panel.js'
import widgetCss from './widget.css'

const attributes = ['server', 'token', 'token-url', 'product-id', 'recipient-id', 'lang', 'theme', 'open',
  'product-name', 'product-price', 'product-currency', 'product-image', 'store-name', 'store-logo', 'customer-name', 'customer-picture']
const identity = ['server', 'token', 'token-url']
const here = (document.currentScript as HTMLScriptElement | null)?.src
const dark = matchMedia('(prefers-color-scheme: dark)')
let sheets: CSSStyleSheet[] | undefined

/**
 * <chaffer-chat>: the chat of a customer with the vendor of a product. Attributes: server, token or
 * token-url (answers {"token": …}), product-id, recipient-id, what is shown of the product, lang, theme, open.
 */
class ChafferChat extends HTMLElement {
  static observedAttributes = attributes
  private _root = this.attachShadow({ mode: 'open' })
  private _client: ChatClient | undefined
  private _drawing = false
  private _offs: (() => void)[] = []

  connectedCallback() {
    sheets ??= [threadCss, widgetCss].map((css) => {
      const sheet = new CSSStyleSheet()
      sheet.replaceSync(css)
      return sheet
    })
    this._root.adoptedStyleSheets = sheets
    dark.addEventListener('change', this._draw)
    document.addEventListener('visibilitychange', this._draw)
    this._start()
  }

  disconnectedCallback() {
    dark.removeEventListener('change', this._draw)
    document.removeEventListener('visibilitychange', this._draw)
    this._stop()
    render(null, this._root)
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null) {
    if (before === after || !this.isConnected || !sheets) return
    if (identity.includes(name)) {
      this._stop()
      this._start()
    } else this._draw()
  }

  private _start() {
    if (this.getAttribute('token') || this.getAttribute('token-url')) {
      const client = (this._client = createChatClient({ url: this._url(), getToken: () => this._token() }))
      for (const name of ['status', 'chat', 'outbox', 'presence', 'unread', 'identity', 'synced'] as const) this._offs.push(client.on(name, this._draw))
      this._offs.push(client.on('message', ({ message }) => this._tell('chaffer-message', message)), client.on('unread', (n) => this._tell('chaffer-unread', n)))
      client.connect()
    }
    this._draw()
  }

  private _url() { return new URL(this.getAttribute('server') || (here && new URL(here).origin) || location.origin, location.href).href }

  private _stop() {
    for (const off of this._offs.splice(0)) off()
    this._client?.close()
    this._client = undefined
  }

  private _tell(name: string, detail: unknown) { this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true })) }

  private async _token(): Promise<string> {
    const url = this.getAttribute('token-url')
    if (!url) return this.getAttribute('token') ?? ''
    const res = await fetch(new URL(url, location.href))
    if (!res.ok) throw new Error(`${url}: ${res.status}`)
    const text = await res.text()
    return text.trimStart().startsWith('{') ? (JSON.parse(text) as { token: string }).token : text.trim()
  }

  /** Draws once for everything that happened in this frame. */
  private _draw = () => {
    if (this._drawing) return
    this._drawing = true
    setTimeout(() => {
      this._drawing = false
      if (!this.isConnected) return
      const theme = this.getAttribute('theme')
      this.toggleAttribute('data-dark', theme === 'dark' || (theme !== 'light' && dark.matches))
      const language = textsOf(this.getAttribute('lang') || document.documentElement.lang || navigator.language, new URL('/widget-texts.json', this._url()).href, this._draw)
      this.toggleAttribute('data-rtl', language.dir === 'rtl')
      const attr = (name: string) => this.getAttribute(name) ?? ''
      render(<Panel client={this._client} attr={attr} host={this} {...language} />, this._root)
    })
  }
}

if (!customElements.get('chaffer-chat')) customElements.define('chaffer-chat', ChafferChat)
