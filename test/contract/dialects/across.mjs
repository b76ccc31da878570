// One chat, seen through every contract at once: an event is rendered once for each.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset } from '../lib/device.mjs'
import { Client } from './client.mjs'

export function across(at) {
  it('a message sent by a messaging client arrives at a oneonone, a nestchat and a native one', async () => {
    const a = at.people.one('Ann', { userType: 'customer' })
    const b = at.people.one('Bob', { userType: 'vendor' })
    const { body: conversation } = await a.rest('POST', '/api/conversation', { participants: [`vendor:${b.id}`] })
    assert.deepEqual(conversation.participants.toSorted(), [`customer:${a.id}`, `vendor:${b.id}`])
    const opened = [await a.open(), await b.open()]
    const [sa, sb] = opened
    await sb.channel.emit('join', conversation._id)
    const nest = await new Client(at.server, b.token, { namespace: '/chat', query: { dialect: 'nestchat' } }).open()
    const native = new Client(at.server, b.token, { namespace: '/presence' })
    const chat = new Client(at.server, b.token, { namespace: '/chat' })
    try {
      await native.open()
      await chat.open()
      await chat.channel.next('offlineMessages')
      const { conversation: { id: convId } } = await nest.channel.emit('createConversation', { user2_id: `customer:${a.id}` })
      await nest.channel.emit('joinConversation', { convId })
      sa.channel.tell('send_message', { conversationId: conversation._id, content: 'to all of you' })
      const { message } = await sa.channel.next('message_sent')
      subset(await sb.channel.next('new_message'), { message: { content: 'to all of you', sender: `customer:${a.id}` } })
      subset(await sb.channel.next('chat-message'), { content: 'to all of you', conversationId: conversation._id, _id: message._id })
      subset(await nest.channel.next('newMessage'), { message: { message: 'to all of you', conversation_id: convId } })
      const first = await chat.channel.next('newChat')
      subset(first.data.messages[0], { text: 'to all of you', id: message._id, chatId: conversation._id, senderType: 'CUSTOMER', seq: 1 })
      const back = await chat.channel.emit('sendMessage', { chatId: conversation._id, text: 'and back' })
      subset(back, { error: false, statusCode: 201, data: { seq: 2 } })
      subset(await sa.channel.next('new_message'), { message: { content: 'and back', sender: `vendor:${b.id}` } })
      subset(await nest.channel.next('newMessage'), { message: { message: 'and back' } })
    } finally {
      for (const client of [nest, native, chat]) client.close()
    }
  })

  it('a token without a type is nobody in the native contract', async () => {
    const client = await new Client(at.server, at.people.one().token, { namespace: '/presence' }).open()
    subset(await client.channel.next('appError'), { error: true, statusCode: 401 })
    client.close()
  })
}
