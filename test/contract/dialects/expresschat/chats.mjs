// The document of expresschat: the chat with oneself, and chats of two.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset, time } from '../../lib/device.mjs'
import { sessions, text } from './account.mjs'

export function chats(at) {
  const { greeted, account, fresh } = sessions(at)
  const opened = async (sa, receiver) => {
    sa.channel.tell('create-personal-chat', { Receiver: receiver })
    return (await sa.channel.next('create-personal-chat-creator')).ChatId
  }

  for (const transport of ['websocket', 'polling']) {
    it(`self chat: fetched and written, nobody is told, over ${transport}`, async () => {
      const who = await fresh('Self')
      const client = await greeted(who, { transport })
      client.channel.tell('fetch-self-chat', {})
      assert.deepEqual(await client.channel.next('self-chat'), { Messages: [], Name: 'Self' })
      client.channel.tell('send-self-message', { Content: 'milk' })
      client.channel.tell('fetch-self-chat', {})
      const { Messages } = await client.channel.next('self-chat')
      assert.equal(Messages.length, 1)
      subset(Messages[0], { _id: text, Content: 'milk', Sender: 'Self', SenderId: who.id, Time: time })
      assert.deepEqual(client.channel.names(), [])
    })

    it(`private chat: opened, fetched, written, read, over ${transport}`, async () => {
      const [a, b] = [await account('Ann'), await fresh('Bob')]
      const [sa, sb] = [await greeted(a, { transport }), await greeted(b, { transport })]
      sa.channel.tell('create-personal-chat', { Receiver: b.email })
      const created = await sa.channel.next('create-personal-chat-creator')
      const { ChatId } = created
      assert.deepEqual(created, { ChatId, Partner: 'Bob' })
      assert.deepEqual(await sb.channel.next('create-personal-chat-partner'), { ChatId, Partner: 'Ann' })
      sa.channel.tell('send-personal-message', { ChatId, Content: 'hello' })
      assert.deepEqual(await sb.channel.next('receive-personal-message'), { ChatId, Content: 'hello', Sender: 'Ann', SenderId: a.id })
      sb.channel.tell('read-personal-message', { ChatId })
      assert.deepEqual(await sa.channel.next('read-personal-msg-ack'), { ChatId })
      sa.channel.tell('fetch-personal-chat', { ChatId, Partner: 'Bob' })
      const chat = await sa.channel.next('personal-chat')
      assert.deepEqual(chat, { Messages: chat.Messages, UserId: a.id, User: 'Ann', Partner: 'Bob' })
      assert.deepEqual(chat.Messages.map((m) => [m.Content, m.Sender, m.Read]), [['hello', 'Ann', true]])
      assert.equal(sa.channel.count('receive-personal-message'), 0, 'the sender is not told')
      assert.equal(sb.channel.count('read-personal-msg-ack'), 0, 'nor the reader')
    })
  }

  it('the self chat has the id of its user and is one', async () => {
    const who = await fresh('Self')
    const client = await greeted(who)
    assert.deepEqual(await client.channel.emit('send-personal-message', { ChatId: who.id, Content: 'by its id' }), { success: true })
    client.channel.tell('fetch-self-chat')
    assert.deepEqual((await client.channel.next('self-chat')).Messages.map((m) => m.Content), ['by its id'])
    assert.deepEqual((await greeted(who)).personal, { PersonalChatList: [] }, 'it is in no list')
  })

  it('who was away finds the chat in the list, with what is unread, and the messages in order', async () => {
    const [a, b] = [await account('Ann'), await fresh('Bob')]
    const sa = await greeted(a)
    const ChatId = await opened(sa, b.id)
    for (const Content of ['one', 'two', 'three']) await sa.channel.emit('send-personal-message', { ChatId, Content })
    const sb = await greeted(b)
    assert.equal(sb.personal.PersonalChatList.length, 1)
    const [row] = sb.personal.PersonalChatList
    assert.deepEqual(Object.keys(row).toSorted(), ['LastChat', 'Partner', 'Unread', '_id'])
    subset(row, { _id: ChatId, Partner: 'Ann', Unread: 3, LastChat: { Content: 'three', Sender: 'Ann' } })
    sb.channel.tell('fetch-personal-chat', { ChatId, Partner: 'Ann' })
    assert.deepEqual((await sb.channel.next('personal-chat')).Messages.map((m) => m.Content), ['one', 'two', 'three'])
    await sb.channel.emit('read-personal-message', { ChatId })
    subset((await greeted(b)).personal.PersonalChatList[0], { Unread: 0 })
    assert.deepEqual(await sa.channel.next('read-personal-msg-ack'), { ChatId })
    assert.equal(sb.channel.count('receive-personal-message'), 0, 'what was written before is fetched, not pushed')
  })

  it('messages written at once come in one order, each once', async () => {
    const [a, b] = [await account('Ann'), await account('Bob')]
    const [sa, sb] = [await greeted(a), await greeted(b)]
    const ChatId = await opened(sa, b.id)
    const texts = Array.from({ length: 20 }, (_, n) => `at once ${n}`)
    await Promise.all(texts.map((Content) => sa.channel.emit('send-personal-message', { ChatId, Content })))
    const heard = []
    for (const _ of texts) heard.push((await sb.channel.next('receive-personal-message')).Content)
    sb.channel.tell('fetch-personal-chat', { ChatId })
    assert.deepEqual((await sb.channel.next('personal-chat')).Messages.map((m) => m.Content), heard)
    assert.equal(sb.channel.count('receive-personal-message'), texts.length)
  })

  it('a pair has one chat; asking again is answered with it', async () => {
    const [a, b] = [await account('Ann'), await fresh('Bob')]
    const [sa, sb] = [await greeted(a), await greeted(b)]
    const first = await opened(sa, b.id)
    assert.deepEqual([await opened(sa, b.email), await opened(sb, a.id)], [first, first])
    assert.equal(sb.channel.count('create-personal-chat-partner'), 1)
  })

  it('strangers see nothing and do nothing, and are told so', async () => {
    const [a, b, stranger] = [await account('Ann'), await fresh('Bob'), await account('Eve')]
    const [sa, spy] = [await greeted(a), await greeted(stranger)]
    const ChatId = await opened(sa, b.id)
    for (const [event, payload] of [
      ['fetch-personal-chat', { ChatId, Partner: 'Ann' }], ['send-personal-message', { ChatId, Content: 'x' }], ['read-personal-message', { ChatId }],
      ['fetch-group-chat', { GroupId: ChatId }], ['kickout', { GroupId: ChatId, Member: a.id }], ['send-personal-message', { ChatId: a.id, Content: 'x' }],
    ]) {
      const answer = await spy.channel.emit(event, payload)
      assert.deepEqual(answer, { success: false, error: answer.error }, event)
      assert.deepEqual(await spy.channel.next('error'), { message: answer.error }, event)
    }
    sa.channel.tell('fetch-personal-chat', { ChatId })
    assert.deepEqual((await sa.channel.next('personal-chat')).Messages, [])
    assert.equal(spy.channel.count('appError'), 0)
  })
}
