import { Component } from 'preact'
import type { Image } from '@chaffer/client'
import { Icon } from './icons.js'
import { fill, type Texts } from './texts.js'

export interface ComposerProps {
  t: Texts
  /** Where one writes, for who wants to move there. */
  area: { current: HTMLTextAreaElement | null }
  /** Changes when another chat is shown: the draft is kept for each. */
  chat: string
  onSend(text: string, images: Image[]): void
  onTyping(): void
  onStop(): void
  upload(file: File): Promise<Image>
}

const longest = 4_000 // characters the service stores
const drafts = new Map<string, string>()

interface State { text: string; images: Image[]; busy: boolean; error: string }

/** Where one writes: Enter sends, Shift and Enter is a new line. */
export class Composer extends Component<ComposerProps, State> {
  override state: State = { text: drafts.get(this.props.chat) ?? '', images: [], busy: false, error: '' }

  override componentDidUpdate(before: ComposerProps) {
    if (before.chat !== this.props.chat) this.setState({ text: drafts.get(this.props.chat) ?? '', images: [], error: '' })
    const area = this.props.area.current!
    area.style.height = 'auto'
    area.style.height = `${Math.min(area.scrollHeight, 140)}px`
  }

  private _write = (text: string) => {
    drafts.set(this.props.chat, text)
    this.setState({ text })
    if (text) this.props.onTyping()
    else this.props.onStop()
  }

  private _send = (e: Event) => {
    e.preventDefault()
    const { text, images, busy } = this.state
    if (busy || over(text) > 0 || (!text.trim() && !images.length)) return
    drafts.delete(this.props.chat)
    this.setState({ text: '', images: [], error: '' })
    this.props.onSend(text.trim(), images)
    this.props.area.current?.focus()
  }

  private _add = async (files: Iterable<File> | null) => {
    for (const file of files ?? []) {
      if (!file.type.startsWith('image/')) continue
      this.setState({ busy: true, error: '' })
      try {
        const image = await this.props.upload(file)
        this.setState({ images: [...this.state.images, image], busy: false })
      } catch (err) { this.setState({ busy: false, error: (err as Error).message }) }
    }
    this.props.area.current?.focus()
  }

  render({ t, area }: ComposerProps, { text, images, busy, error }: State) {
    const many = over(text)
    const problem = error || (many > 0 ? fill(t.tooLong, many) : '')
    return (
      <form class="composer" part="composer" onSubmit={this._send}>
        {problem && <p class="problem" role="alert">{problem}</p>}
        {(images.length > 0 || busy) && (
          <div class="tray">
            {images.map((i) => (
              <button type="button" key={i.id} title={t.remove} aria-label={t.remove} onClick={() => this.setState({ images: images.filter((x) => x !== i) })}>
                <img src={i.imageUrl} alt="" /><Icon name="close" />
              </button>
            ))}
            {busy && <span class="busy" role="status">{t.sending}…</span>}
          </div>
        )}
        <label class="tool" title={t.picture}>
          <Icon name="picture" />
          <input type="file" accept="image/*" multiple aria-label={t.picture} class="hidden"
            onChange={(e) => { void this._add([...(e.currentTarget.files ?? [])]); e.currentTarget.value = '' }} />
        </label>
        <textarea ref={area} rows={1} dir="auto" value={text} placeholder={t.placeholder} aria-label={t.placeholder} enterkeyhint="send"
          onInput={(e) => this._write(e.currentTarget.value)}
          onPaste={(e) => { const files = e.clipboardData?.files; if (files?.length) void this._add([...files]) }}
          onKeyDown={(e) => { if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) this._send(e) }} />
        <button class="send" part="send" aria-label={t.send} title={t.send} disabled={many > 0 || busy || (!text.trim() && !images.length)}><Icon name="send" /></button>
      </form>
    )
  }
}

const over = (text: string) => [...text.trim()].length - longest
