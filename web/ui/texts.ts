const keys = 'title open close placeholder send picture online lastSeen typing sending sent delivered read failed retry discard deleted delete reconnecting refused signIn verified empty unread you chats today yesterday remove photo messages noChats back tooLong report reported lookalike' as const

type Keys<S extends string> = S extends `${infer A} ${infer B}` ? A | Keys<B> : S
export type Texts = Record<Keys<typeof keys>, string>

// One line a language, in the order of keys; {0} is what is filled in. The other languages are in texts.json.
const english = 'Chat with the shop|Open chat|Close chat|Write a message|Send|Add a picture|Online|Last seen {0}|{0} is typing…|Sending|Sent|Delivered|Read|Not sent|Try again|Discard|This message was deleted|Delete message|Reconnecting… What you write is kept and sent later.|The chat is not available: {0}|Sign in to chat with the shop.|Verified by the shop|Ask {0} anything about this product.|{0} unread messages|You|Your chats|Today|Yesterday|Remove|Picture|Messages|No chats yet|Back|{0} characters too many|Report message|Reported. Thank you.|Check this name: it mixes alphabets'

export interface Language { t: Texts; dir: 'ltr' | 'rtl'; lang: string }

const known = new Map([['en', english]])
let loading = ''

/**
 * The texts of a language and the direction it is written in. Languages other than English are
 * loaded once from `url`; until they are there, and when there are none, it is English.
 */
export function textsOf(lang: string, url = '', ready?: () => void): Language {
  const short = lang.slice(0, 2).toLowerCase()
  const line = known.get(short)
  if (!line && url && loading !== url) {
    loading = url
    fetch(url).then((res) => res.json()).then((lines: Record<string, string>) => {
      for (const [name, text] of Object.entries(lines)) known.set(name, text)
      ready?.()
    }).catch(() => { /* English will do */ })
  }
  const words = (line ?? english).split('|')
  return {
    t: Object.fromEntries(keys.split(' ').map((k, i) => [k, words[i]])) as Texts,
    lang: line ? lang : 'en', dir: line && short === 'ar' ? 'rtl' : 'ltr',
  }
}

export const fill = (text: string, value: string | number) => text.replace('{0}', String(value))
