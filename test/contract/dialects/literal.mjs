// What the documents show, as they show it: the stock client's own io(address), handlers and no
// acknowledgements. Nothing is changed but the address.
import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { io } from 'socket.io-client'
import { signedUp } from './expresschat.mjs'

export function literal(at) {
  const sockets = []
  after(() => { for (const s of sockets) s.close() })
  const connect = (path, options) => {
    const socket = io(at.server.url + path, { forceNew: true, reconnection: false, ...options })
    sockets.push(socket)
    return socket
  }
  const once = (socket, event) => new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`no ${event}`)), 10_000)
    socket.once(event, (body) => { clearTimeout(deadline); resolve(body) })
  })
  const token = (who) => ({ auth: { token: who.token } })

  it('oneonone: join is sent from the connect handler, chat is what chat-message brings', async () => {
    const [a, b] = [at.people.one('user'), at.people.one('Anamita Ghosh')]
    const { body: { conversation } } = await a.rest('POST', '/api/v1/conversations', { participant: { userId: b.id } })
    const socket = connect('', token(b))
    const other = connect('', { extraHeaders: { authorization: `Bearer ${a.token}` } })
    for (const s of [socket, other]) s.on('connect', () => { s.emit('join', conversation._id) })
    await Promise.all([once(socket, 'connect'), once(other, 'connect')])
    for (const s of [socket, other]) await s.timeout(10_000).emitWithAck('join', conversation._id) // the first ones are through
    const heard = [once(socket, 'chat-message'), once(other, 'chat-message')]
    await a.rest('POST', '/api/v1/conversations/messages', { conversationId: conversation._id, message: 'Test message' })
    for (const chat of await Promise.all(heard)) assert.equal(chat.content, 'Test message')
  })

  it('nestchat: the address carries the name of the contract', async () => {
    const [a, b] = [at.people.one('Ann'), at.people.one('Bob')]
    const [sa, sb] = [a, b].map((who) => connect('/chat?dialect=nestchat', token(who)))
    await Promise.all([once(sa, 'connect'), once(sb, 'connect')])
    await sb.timeout(10_000).emitWithAck('leaveConversation', { convId: 1 }) // refused, and behind it B is let in
    const created = [once(sa, 'conversationCreated'), once(sb, 'conversationCreated')]
    sa.emit('createConversation', { user2_id: b.number })
    const [{ conversation, participants }] = await Promise.all(created)
    assert.deepEqual(participants.map((p) => p.id), [a.number, b.number])
    const heard = [once(sa, 'newMessage'), once(sb, 'newMessage')]
    sa.emit('sendMessage', { convId: conversation.id, message: { message: 'Hello, how are you?' } })
    for (const { message, sender } of await Promise.all(heard)) assert.deepEqual([message.message, sender.id], ['Hello, how are you?', a.number])
    sb.emit('leaveConversation', { convId: conversation.id })
    assert.deepEqual(await once(sb, 'leftConversation'), { convId: conversation.id })
    await sa.timeout(10_000).emitWithAck('sendMessage', { convId: conversation.id, message: { message: 'missed' } })
    const { body } = await b.rest('GET', `/chats/${conversation.id}/messages`)
    assert.deepEqual(body.map((m) => m.message), ['Hello, how are you?', 'missed'])
    sb.emit('joinConversation', { convId: conversation.id })
    assert.deepEqual(await once(sb, 'joinedConversation'), { convId: conversation.id })
  })

  it('messaging: the usage example', async () => {
    const [a, b] = [at.people.one('Ann'), at.people.one('Bob')]
    const { body: { _id: conversationId } } = await a.rest('POST', '/api/conversation', { participants: [a.id, b.id], isGroup: false, groupName: 'Optional Group Name' })
    const [sa, sb] = [connect('', token(a)), connect('', token(b))]
    const received = once(sb, 'new_message')
    sa.emit('send_message', { conversationId, content: 'Hello, world!' })
    const { message } = await received
    const typing = once(sb, 'typing_indicator')
    sa.emit('typing', { conversationId, isTyping: true })
    assert.deepEqual(await typing, { conversationId, userId: a.id, isTyping: true })
    const read = once(sa, 'message_read')
    sb.emit('mark_read', { messageId: message._id })
    assert.deepEqual(await read, { messageId: message._id, readBy: b.id, conversationId })
  })

  it('expresschat: cookies of the log-in are the pair; the self chat has the id of its user', async () => {
    const who = await signedUp(at.server, 'Literal')
    const socket = connect('', { extraHeaders: { cookie: who.cookies } })
    const order = []
    socket.onAny((name) => order.push(name))
    const list = once(socket, 'group-chat-list')
    const { userId } = await once(socket, 'user-id')
    await list
    assert.deepEqual(order, ['user-id', 'personal-chat-list', 'group-chat-list'])
    await socket.timeout(10_000).emitWithAck('send-self-message', { Content: 'milk' })
    const self = once(socket, 'personal-chat')
    socket.emit('fetch-personal-chat', { ChatId: userId, Partner: 'Literal' })
    assert.deepEqual((await self).Messages.map((m) => m.Content), ['milk'])
  })
}
