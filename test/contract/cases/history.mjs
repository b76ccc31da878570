// Pages: history by place, chats by cursor, everything bounded.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { product, subset } from '../lib/device.mjs'

export function history(at) {
  it('getMessages: backwards, forwards, the newest; oldest first in each page', async () => {
    const { id, customer, vendor } = at.world.pair()
    const [a, b] = [await customer.open(), await vendor.open()]
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(id, { text: 'm1' }))
    await Promise.all(Array.from({ length: 59 }, (_, n) => a.chat.emit('sendMessage', { chatId, text: `m${n + 2}` })))
    const page = async (query) => {
      const answer = await b.chat.emit('getMessages', { chatId, ...query })
      subset(answer, { error: false, statusCode: 200 })
      return [answer.data.map((m) => m.seq), answer.hasMore]
    }
    const range = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => from + n)
    assert.deepEqual(await page({ limit: 10 }), [range(51, 60), true])
    assert.deepEqual(await page({ beforeSeq: 51, limit: 10 }), [range(41, 50), true])
    assert.deepEqual(await page({ beforeSeq: 6, limit: 10 }), [range(1, 5), false])
    assert.deepEqual(await page({ afterSeq: 0, limit: 25 }), [range(1, 25), true])
    assert.deepEqual(await page({ afterSeq: 50, limit: 25 }), [range(51, 60), false])
    assert.deepEqual(await page({ afterSeq: 60 }), [[], false])
    assert.deepEqual(await page({ limit: 100 }), [range(1, 60), false])
    assert.equal((await b.chat.next('getMessages')).data.length, 10)
    const listed = (await b.chat.emit('getUserChats')).data[0]
    assert.deepEqual(listed.messages.map((m) => m.seq), range(41, 60))
    subset(listed, { hasMore: true, lastSeq: 60 })
  })

  it('getUserChats: newest activity first, the rest by cursor, none twice', async () => {
    const { id, customer } = at.world.pair()
    const a = await customer.open()
    for (let n = 0; n < 55; n++) await a.chat.emit('sendMessage', product(id, { productId: `p${n}`, text: `t${n}` }))
    const seen = []
    let cursor
    do {
      const answer = await a.chat.emit('getUserChats', { cursor, limit: 20 })
      assert.ok(answer.data.length <= 20)
      seen.push(...answer.data.map((c) => c.productId))
      assert.equal(answer.hasMore, Boolean(answer.nextCursor))
      cursor = answer.nextCursor
    } while (cursor)
    assert.deepEqual(seen, Array.from({ length: 55 }, (_, n) => `p${54 - n}`))
    const back = await customer.open()
    assert.equal(back.userChats.data.length, 50)
    assert.ok(back.userChats.nextCursor)
    await a.chat.emit('sendMessage', product(id, { productId: 'p0', text: 'up again' }))
    assert.equal((await a.chat.emit('getUserChats', { limit: 1 })).data[0].productId, 'p0')
  })

  it('a page out of bounds or a cursor of one\'s own making is refused or cut, never an error of ours', async () => {
    const { id, customer } = at.world.pair()
    const a = await customer.open()
    const { data: { chatId } } = await a.chat.emit('sendMessage', product(id))
    for (const query of [{ limit: 1e9 }, { limit: -1 }, { limit: 0 }, { beforeSeq: -5 }, { afterSeq: 2 ** 53 - 1 }]) {
      const answer = await a.chat.emit('getMessages', { chatId, ...query })
      assert.ok([200, 400].includes(answer.statusCode), JSON.stringify([query, answer]))
    }
    for (const cursor of ['x', '\' OR 1=1--', 'a'.repeat(500)]) {
      subset(await a.chat.emit('getUserChats', { cursor }), { error: true, statusCode: 400 })
    }
  })
}
