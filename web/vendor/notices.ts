import { useEffect } from 'preact/hooks'
import type { ChatClient } from '@chaffer/client'

/**
 * The unread count in the title, and a notice of the desktop for what arrives while nobody looks.
 * Permission is asked with the first click: browsers refuse to ask unbidden.
 */
export function useNotices(client: ChatClient, onOpen: (id: string) => void): void {
  useEffect(() => {
    const title = (n: number) => { document.title = n ? `(${n > 999 ? '999+' : n}) Inbox · Chaffer` : 'Inbox · Chaffer' }
    const ask = () => { if ('Notification' in globalThis && Notification.permission === 'default') void Notification.requestPermission() }
    addEventListener('click', ask, { once: true })
    const offs = [
      client.on('unread', title),
      client.on('message', ({ chat, message, live }) => {
        if (!live || client.isMine(message) || (document.visibilityState === 'visible' && document.hasFocus())) return
        if (!('Notification' in globalThis) || Notification.permission !== 'granted') return
        const notice = new Notification(chat.customerName || 'New message', { body: message.text || 'Picture', tag: chat.id, icon: chat.customerProfilePic || undefined })
        notice.onclick = () => { window.focus(); onOpen(chat.id); notice.close() }
      }),
    ]
    return () => { removeEventListener('click', ask); for (const off of offs) off() }
  }, [client])
}
