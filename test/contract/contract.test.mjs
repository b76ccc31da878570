// The contract, held to with the stock client on both databases. One process, one test after
// the other: the machine is small and a server per database is enough.
import { after, before, describe } from 'node:test'
import { Server } from './lib/server.mjs'
import { World } from './lib/device.mjs'
import { document } from './cases/document.mjs'
import { gate } from './cases/gate.mjs'
import { sending } from './cases/sending.mjs'
import { offline } from './cases/offline.mjs'
import { receipts } from './cases/receipts.mjs'
import { deleting } from './cases/deleting.mjs'
import { typing } from './cases/typing.mjs'
import { history } from './cases/history.mjs'
import { errors } from './cases/errors.mjs'
import { presence } from './cases/presence.mjs'
import { rest } from './cases/rest.mjs'
import { restart } from './cases/restart.mjs'
import { examples } from './cases/examples.mjs'

const groups = { gate, sending, offline, receipts, deleting, typing, history, errors, presence, rest, restart, examples }

for (const database of (process.env.CONTRACT_DATABASES ?? 'sqlite postgres').split(' ')) {
  describe(database, () => {
    document(database)
    describe('both sides', () => {
      const at = { database } // at.server and at.world exist when the tests run
      before(async () => {
        at.server = await Server.start(database)
        at.world = new World(at.server)
      })
      after(async () => {
        at.world?.close()
        await at.server?.stop()
      })
      for (const [name, group] of Object.entries(groups)) describe(name, () => group(at))
    })
  })
}
