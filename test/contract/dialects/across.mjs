// One chat, seen through every contract at once: an event is rendered once for each.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset } from '../lib/device.mjs'
import { Client } from './client.mjs'
import { sessions } from './expresschat/account.mjs'

export function across(at) {
  const { account, greeted } = sessions(at)
  const nest = { namespace: '/chat', query: { dialect: 'nestchat' } }

  it('a message sent by a messaging client arrives at a oneonone, a nestchat and a native one', async () => {
    const a = at.people.one('Ann', { userType: 'customer' })
    const b = at.people.one('Bob', { userType: 'vendor' })
    const { body: conversation } = await a.rest('POST', '/api/conversation', { participants: [`vendor:${b.id}`] })
    assert.deepEqual(conversation.participants.toSorted(), [`customer:${a.id}`, `vendor:${b.id}`])
    const [sa, sb, sn] = [await a.open(), await b.open(), await b.open(nest)]
    await sb.channel.emit('join', conversation._id)
    const native = new Client(at.server, b.token, { namespace: '/presence' })
    const chat = new Client(at.server, b.token, { namespace: '/chat' })
    try {
      await native.open()
      await chat.open()
      await chat.channel.next('offlineMessages')
      const { conversation: { id: convId } } = await sn.channel.emit('createConversation', { user2_id: `customer:${a.id}` })
      await sn.channel.emit('joinConversation', { convId })
      sa.channel.tell('send_message', { conversationId: conversation._id, content: 'to all of you' })
      const { message } = await sa.channel.next('message_sent')
      subset(await sb.channel.next('new_message'), { message: { content: 'to all of you', sender: `customer:${a.id}` } })
      subset(await sb.channel.next('chat-message'), { content: 'to all of you', conversationId: conversation._id, _id: message._id })
      subset(await sn.channel.next('newMessage'), { message: { message: 'to all of you', conversation_id: convId } })
      const first = await chat.channel.next('newChat')
      subset(first.data.messages[0], { text: 'to all of you', id: message._id, chatId: conversation._id, senderType: 'CUSTOMER', seq: 1 })
      const back = await chat.channel.emit('sendMessage', { chatId: conversation._id, text: 'and back' })
      subset(back, { error: false, statusCode: 201, data: { seq: 2 } })
      subset(await sa.channel.next('new_message'), { message: { content: 'and back', sender: `vendor:${b.id}` } })
      subset(await sn.channel.next('newMessage'), { message: { message: 'and back' } })
    } finally {
      for (const client of [native, chat]) client.close()
    }
  })

  it('whichever contract writes, the others hear it once, in one order, and read it', async () => {
    const who = await account('Ann') // an account; the other one has a token of their own
    const b = at.people.one('Bob')
    const sx = await greeted(who)
    sx.channel.tell('create-personal-chat', { Receiver: b.id })
    const { ChatId } = await sx.channel.next('create-personal-chat-creator')
    const [sb, sn] = [await b.open(), await b.open(nest)]
    await sb.channel.emit('join', ChatId)
    const { conversation: { id: convId } } = await sn.channel.emit('createConversation', { user2_id: who.id })
    await sx.channel.emit('send-personal-message', { ChatId, Content: 'expresschat' })
    assert.equal((await b.rest('POST', '/api/v1/conversations/messages', { conversationId: ChatId, message: 'oneonone' })).status, 201)
    assert.equal((await b.rest('POST', `/chats/${convId}/message`, { message: 'nestchat' })).status, 201)
    await sb.channel.emit('send_message', { conversationId: ChatId, content: 'messaging' })
    const all = ['expresschat', 'oneonone', 'nestchat', 'messaging']
    for (const content of all) {
      subset(await sb.channel.next('chat-message'), { content })
      subset(await sn.channel.next('newMessage'), { message: { message: content } })
      if (content === 'expresschat') subset(await sb.channel.next('new_message'), { message: { content, sender: who.id } })
      else {
        subset(await sb.channel.next('message_sent'), { message: { content, sender: b.id } })
        subset(await sx.channel.next('receive-personal-message'), { ChatId, Content: content, Sender: 'Bob' })
      }
    }
    assert.deepEqual((await b.rest('GET', `/api/message/${ChatId}`)).body.map((m) => m.content), all)
    assert.deepEqual((await b.rest('GET', `/api/v1/conversations/${ChatId}`)).body.conversation.messages.map((m) => m.content), all)
    assert.deepEqual((await b.rest('GET', `/chats/${convId}/messages`)).body.map((m) => m.message), all)
    sx.channel.tell('fetch-personal-chat', { ChatId })
    assert.deepEqual((await sx.channel.next('personal-chat')).Messages.map((m) => m.Content), all)
    const counts = (s, ...names) => names.map((name) => s.channel.count(name))
    assert.deepEqual(counts(sb, 'chat-message', 'new_message', 'message_sent', 'receive-personal-message', 'appError'), [4, 1, 3, 0, 0])
    assert.deepEqual(counts(sx, 'receive-personal-message', 'new_message', 'chat-message', 'message_sent'), [3, 0, 0, 0])
    assert.deepEqual(counts(sn, 'newMessage', 'new_message', 'chat-message'), [4, 0, 0])
  })

  it('reading in one contract is told in the others', async () => {
    const who = await account('Ann')
    const b = at.people.one('Bob')
    const sx = await greeted(who)
    const { body: { _id: conversationId } } = await b.rest('POST', '/api/conversation', { participants: [who.id] })
    const { body: message } = await b.rest('POST', '/api/message', { conversationId, content: 'read me' })
    const sb = await b.open()
    await sx.channel.emit('read-personal-message', { ChatId: conversationId })
    assert.deepEqual(await sb.channel.next('message_read'), { messageId: message._id, readBy: who.id, conversationId })
    const { body: back } = await b.rest('POST', '/api/message', { conversationId, content: 'second' })
    subset(back, { readBy: null })
    await sx.channel.emit('send-personal-message', { ChatId: conversationId, Content: 'mine' })
    const mine = (await sb.channel.next('new_message')).message
    sb.channel.tell('mark_read', { messageId: mine._id })
    assert.deepEqual(await sx.channel.next('read-personal-msg-ack'), { ChatId: conversationId })
  })

  it('a group of one contract is a group of the others', async () => {
    const who = await account('Ann')
    const [b, c] = [at.people.one('Bob'), at.people.one('Cleo')]
    const sx = await greeted(who)
    sx.channel.tell('create-group-chat', { Name: 'Both', Description: '', Participants: [b.id] })
    const { GroupId } = await sx.channel.next('create-group-chat-creator')
    subset((await b.rest('GET', `/api/conversation/${GroupId}`)).body, { isGroup: true, groupName: 'Both' })
    const sb = await b.open()
    await sx.channel.emit('send-group-message', { GroupId, Content: 'hello' })
    subset(await sb.channel.next('new_message'), { message: { content: 'hello' }, conversation: { isGroup: true, groupName: 'Both' } })
    await sx.channel.emit('change-admin', { GroupId, Member: b.id })
    assert.equal((await b.rest('POST', '/api/conversation/participant/add', { conversationId: GroupId, userId: c.id })).status, 200)
    assert.equal((await b.rest('POST', '/api/conversation/participant/remove', { conversationId: GroupId, userId: who.id })).status, 200)
    subset(await sx.channel.next('kicked-out'), { GroupId })
  })

  it('connecting in another contract is being online', async () => {
    const a = at.people.one('Ann', { userType: 'customer' })
    const b = at.people.one('Bob', { userType: 'vendor' })
    const { body: { _id } } = await a.rest('POST', '/api/conversation', { participants: [`vendor:${b.id}`] })
    const native = { presence: new Client(at.server, a.token, { namespace: '/presence' }), chat: new Client(at.server, a.token, { namespace: '/chat' }) }
    try {
      await native.presence.open()
      await native.chat.open()
      await native.chat.channel.next('offlineMessages')
      const say = async (text) => (await native.chat.channel.emit('sendMessage', { chatId: _id, text })).data.recipientOnline
      assert.equal(await say('nobody there'), false)
      await b.open(nest)
      subset(await native.presence.channel.next('userIsOnline'), { data: { userType: 'vendor' } })
      assert.equal(await say('and now'), true)
    } finally {
      for (const client of Object.values(native)) client.close()
    }
  })

  it('a token without a type is nobody in the native contract', async () => {
    const client = await new Client(at.server, at.people.one().token, { namespace: '/presence' }).open()
    subset(await client.channel.next('appError'), { error: true, statusCode: 401 })
    client.close()
  })
}
