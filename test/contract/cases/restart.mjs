// A server that goes and comes back: the stock client finds it again by itself, and nothing is missing.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { World, product } from '../lib/device.mjs'
import { Server } from '../lib/server.mjs'

export function restart(at) {
  for (const [how, signal] of [['a deploy', 'SIGTERM'], ['a crash', 'SIGKILL']]) {
    it(`${how}: both sides are back and up to date without doing anything`, async () => {
      const server = await Server.start(at.database)
      const world = new World(server)
      try {
        const { id, customer, vendor } = world.pair()
        const returning = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 }
        const [a, b] = [await customer.open(returning), await vendor.open(returning)]
        const { data: { chatId } } = await a.chat.emit('sendMessage', product(id, { text: 'before' }))
        await b.chat.next('newChat')
        const code = await server.end(signal)
        if (signal === 'SIGTERM') assert.equal(code, 0, 'a clean end is no failure')
        for (const device of [a, b]) await device.chat.next('disconnect')
        await server.run()
        for (const device of [a, b]) await device.chat.next('offlineMessages')
        const seq = (await a.chat.emit('sendMessage', { chatId, text: 'after' })).data.seq
        assert.equal(seq, 2)
        assert.equal((await b.chat.next('receiveMessage')).data.text, 'after')
      } finally {
        world.close()
        await server.stop()
      }
    })
  }
}
