// The original document, example by example, by a client that knows nothing else: its events,
// its fields, its payloads letter by letter. Each transport gets a server of its own, so the
// ids 2 and 2 of the document are really customer 2 and vendor 2.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Server } from '../lib/server.mjs'
import { World, subset, time, transports, uuid } from '../lib/device.mjs'

const example = {
  productId: '12345',
  text: 'Are you crazy?',
  storeName: 'Tech Haven',
  customerName: 'John Doe',
  storeLogoUrl: 'https://example.com/store-logo.png',
  chatId: '1770ddc5-429c-4bdf-ae87-249da802d6c0',
  customerProfilePic: 'https://example.com/buyer-profile.jpg',
  productPrice: '299',
  productName: 'Wireless Headphones',
  recipientId: 2,
  productImageUrl: 'https://example.com/product-image.jpg',
}

const card = {
  id: uuid, productId: '12345', vendorId: 2, customerId: 2,
  productImageUrl: 'https://example.com/product-image.jpg', productPrice: '299', productName: 'Wireless Headphones',
  storeLogoUrl: 'https://example.com/store-logo.png', customerProfilePic: 'https://example.com/buyer-profile.jpg',
  customerName: 'John Doe', storeName: 'Tech Haven', createdAt: time, updatedAt: time,
}

export function document(database) {
  for (const transport of Object.keys(transports)) {
    describe(`the document over ${transport}`, () => {
      let server, world, customer, vendor, chatId, messageId
      before(async () => {
        server = await Server.start(database)
        world = new World(server)
        const person = (type, name) => world.person(type, 2, name).device({ transport })
        customer = person('customer', 'John Doe')
        vendor = person('vendor', 'Tech Haven')
      })
      after(async () => {
        world?.close()
        await server?.stop()
      })
      const messageOf = (text, more = {}) => ({
        senderId: 2, text, timestamp: time, read: false, recipientOnline: true, chatId, messageImages: [], ...more,
      })

      it('1: connecting gives userChats, then offlineMessages', async () => {
        await customer.open()
        await vendor.open()
        for (const device of [customer, vendor]) {
          subset(device.userChats, { error: false, message: 'Chats have been sent successfully', statusCode: 200, data: [] })
          subset(device.offlineMessages, { statusCode: 200, error: false, message: 'Offline messages has been sent successfully', data: [] })
          const order = device.chat.all.map((e) => e.name).filter((n) => n !== 'connect')
          assert.deepEqual(order, ['connection', 'userChats', 'offlineMessages'])
        }
        if (transport === 'upgrade') {
          for (const device of [customer, vendor]) await device.upgraded()
        }
      })

      it('3: the first sendMessage opens a chat: newChat', async () => {
        customer.chat.tell('sendMessage', example)
        const opened = await vendor.chat.next('newChat')
        subset(opened, { error: false, statusCode: 200, data: card })
        chatId = opened.data.id
        assert.notEqual(chatId, example.chatId, 'a client does not choose ids')
        assert.equal(opened.data.messages.length, 1)
        subset(opened.data.messages[0], messageOf('Are you crazy?', { senderType: 'CUSTOMER' }))
        assert.equal(vendor.chat.count('receiveMessage'), 0)
      })

      it('3 and 4: the answer arrives as receiveMessage, in both shapes at once', async () => {
        vendor.chat.tell('sendMessage', { ...example, chatId, text: 'Hello' })
        const body = await customer.chat.next('receiveMessage')
        const inner = messageOf('Hello', { senderType: 'VENDOR', id: uuid, createdAt: time, updatedAt: time })
        subset(body, { error: false, statusCode: 200, data: { error: false, message: null, type: 201, data: inner } })
        subset(body, { message: 'New message received', data: { messageId: uuid, text: 'Hello' } })
        assert.equal(body.data.messageId, body.data.data.id)
        messageId = body.data.messageId
      })

      it('2: joinChat with the whole payload of the document loads the chat and reports the reading', async () => {
        customer.chat.tell('joinChat', { ...example, chatId: undefined, userType: 'customer', chatIds: chatId })
        const loaded = await customer.chat.next('loadMessages')
        subset(loaded, { error: false, message: 'Chats have been loaded', statusCode: 200, data: { ...card, id: chatId } })
        assert.deepEqual(loaded.data.messages.map((m) => m.text), ['Are you crazy?', 'Hello'])
        subset(await vendor.chat.next('updateReadReceipts', (b) => b.data.readerType === 'customer'), { error: false, data: { chatId, readerId: 2 } })
      })

      it('2: an unknown chat is not found', async () => {
        customer.chat.tell('joinChat', { chatIds: '1770ddc5-429c-4bdf-ae87-249da802d6c0' })
        subset(await customer.chat.next('appError'), { error: true, message: 'Chat was not found', statusCode: 404 })
      })

      it('5: markAsRead answers, and updateReadReceipts tells the other side', async () => {
        customer.chat.tell('sendMessage', { ...example, chatId, text: 'Still there?' })
        await vendor.chat.next('receiveMessage')
        vendor.chat.tell('markAsRead', { chatId })
        subset(await vendor.chat.next('markAsRead'), { error: false, message: 'Messages marked as read', statusCode: 200 })
        subset(await customer.chat.next('updateReadReceipts', (b) => b.data.readerType === 'vendor' && b.data.readSeq === 3), { error: false, data: { chatId, readerId: 2, readAt: time } })
      })

      it('6: deleteMessage', async () => {
        vendor.chat.tell('deleteMessage', { chatId, messageId })
        for (const device of [vendor, customer]) {
          subset(await device.chat.next('deleteMessage'), { error: false, message: 'Message has been deleted successfully' })
        }
      })

      it('7: typing', async () => {
        customer.chat.tell('typing', { chatId })
        subset(await vendor.chat.next('typing'), { error: false, message: 'User is typing' })
      })

      it('8: getUserChats', async () => {
        customer.chat.tell('getUserChats')
        const answer = await customer.chat.next('getUserChats')
        subset(answer, { error: false, message: 'Chats have been sent successfully' })
        assert.equal(answer.data.length, 1)
        subset(answer.data[0], { ...card, id: chatId })
        assert.deepEqual((await customer.chat.next('userChats')).data, answer.data)
      })

      it('9: joinRooms', async () => {
        customer.chat.tell('joinRooms')
        subset(await customer.chat.next('joinRooms'), { error: false, message: 'User joined all chat rooms' })
      })

      it('1: what was sent while away arrives in offlineMessages, and the chat in userChats', async () => {
        // Until its delivery is proved, a message would come again: wait for what the sender is told.
        await vendor.chat.next('messageStatus', (b) => b.data.recipientType === 'customer' && b.data.deliveredSeq >= 2)
        customer.close()
        await vendor.chat.next('userIsOffline')
        vendor.chat.tell('sendMessage', { ...example, chatId, text: 'Are you there?' })
        await vendor.chat.next('sentMessage', (b) => b.data.text === 'Are you there?')
        const back = await world.person('customer', 2, 'John Doe').open({ transport })
        assert.equal(back.offlineMessages.data.length, 1)
        subset(back.offlineMessages.data[0], messageOf('Are you there?', { senderType: 'VENDOR', recipientOnline: false }))
        subset(back.userChats.data[0], { ...card, id: chatId })
        assert.equal(back.userChats.data[0].messages.at(-1).text, 'Are you there?')
        customer = back
      })

      it('10: going offline is told', async () => {
        customer.close()
        subset(await vendor.chat.next('userIsOffline'), { error: false, message: 'User has gone offline' })
      })
    })
  }
}
