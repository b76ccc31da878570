import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { after, afterEach, before, test } from 'node:test'
import { Stage, pictures, shot, sideBySide, violations } from './lib.mjs'
import { World } from '../contract/lib/device.mjs'

let stage
let cut = false
before(async () => { stage = await Stage.open() })
afterEach(async () => {
  stage.site.mend()
  await stage.close({ cut })
  cut = false
})
after(() => stage.end())

const phone = { viewport: { width: 430, height: 690 } }
const widget = (page) => page.locator('chaffer-chat')
const write = (page, text) => page.getByLabel('Write a message').fill(text).then(() => page.keyboard.press('Enter'))
const bubble = (page, text) => page.locator('.bubble').filter({ hasText: text })
const states = ['Sending', 'Sent', 'Delivered', 'Read']
// tick waits until a message has come at least as far as the state; Sending is exact.
const tick = (page, text, state) => bubble(page, text)
  .locator((state === 'Sending' ? [state] : states.slice(states.indexOf(state))).map((s) => `svg[aria-label="${s}"]`).join()).waitFor()
const row = (page, name, product) => page.getByRole('option').filter({ hasText: name }).filter({ hasText: product })

// drawing is a PNG of 640 by 480 that a browser has drawn.
async function drawing(browser) {
  const page = await browser.newPage({ viewport: { width: 640, height: 480 } })
  await page.setContent('<body style="margin:0;height:100vh;background:linear-gradient(160deg,#f4d9b0 55%,#8b5e3c 55%)"><div style="position:absolute;inset:60px 380px 210px 60px;background:#bcd9ee;border:10px solid #fff">')
  const buffer = await page.screenshot()
  await page.close()
  return { name: 'corner.png', mimeType: 'image/png', buffer }
}

test('two people side by side: a first message, unread, typing, a reply, read ticks', async () => {
  const customer = await stage.page('/demo/product/33002?customer=2&open', phone)
  const vendor = await stage.page('/demo/vendor?vendor=4', { viewport: { width: 1000, height: 792 } })
  await customer.getByText('Ask Green Desk anything').waitFor()
  await row(vendor, 'Lucía', 'Monstera').waitFor()

  await write(customer, 'Is the pot part of it?')
  await row(vendor, 'John Doe', 'Monstera Plant').locator('.badge').waitFor()
  assert.match(await vendor.title(), /^\(\d+\) Inbox/)
  await tick(customer, 'Is the pot', 'Delivered')
  await row(vendor, 'John Doe', 'Monstera').click()
  await tick(customer, 'Is the pot', 'Read')
  assert.equal(await row(vendor, 'John Doe', 'Monstera').locator('.badge').count(), 0)

  await vendor.getByLabel('Write a message').pressSequentially('It is', { delay: 20 })
  await customer.getByRole('status', { name: 'Green Desk is typing…' }).waitFor()
  await write(vendor, 'It is, and a saucer too.')
  await bubble(customer, 'a saucer too').waitFor()
  await tick(vendor, 'a saucer too', 'Read')
  assert.equal(await customer.getByRole('status', { name: 'is typing' }).count(), 0)
  await write(customer, 'Lovely. Does it mind a north window? We have one in the hall, and a cat who likes to sit there.')
  await write(vendor, 'A metre or two from it and they will both be happy.')
  await bubble(customer, 'both be happy').waitFor()
  await tick(vendor, 'both be happy', 'Read')
  await tick(customer, 'Lovely', 'Read')
  await sideBySide(stage.browser, [await customer.screenshot(), await vendor.screenshot()], `${pictures}/side-by-side.png`)
})

test('a message is taken back on both sides', async () => {
  const customer = await stage.page('/demo/product/33001?customer=2&open')
  await write(customer, 'A slip of the thumb')
  await tick(customer, 'A slip', 'Sent')
  const mine = customer.locator('.row').filter({ hasText: 'A slip' })
  await mine.hover()
  await mine.getByLabel('Delete message').click()
  await customer.getByText('This message was deleted').waitFor()
  assert.equal(await bubble(customer, 'A slip').count(), 0)
})

test('what the server refuses is shown with the reason, and can be given up', async () => {
  const customer = await stage.page('/demo/product/12345?customer=4&open')
  await widget(customer).evaluate((el) => el.setAttribute('recipient-id', '3')) // not who sells it
  await customer.getByText('Ask Tech Haven').waitFor()
  await write(customer, 'To the wrong shop')
  await customer.getByRole('alert').getByText('vendor').waitFor()
  assert.deepEqual(await violations(customer), [])
  await shot(customer, 'failed')
  await customer.getByRole('button', { name: 'Try again' }).click()
  await customer.getByRole('button', { name: 'Discard' }).click()
  await bubble(customer, 'To the wrong shop').waitFor({ state: 'detached' })
})

test('a picture goes over', async () => {
  const customer = await stage.page('/demo/product/33002?customer=3&open', phone)
  const vendor = await stage.page('/demo/vendor?vendor=4')
  await customer.getByLabel('Add a picture').setInputFiles(await drawing(stage.browser))
  await customer.getByLabel('Remove').waitFor()
  await write(customer, 'This corner')
  await row(vendor, 'Amina', 'Monstera').click()
  for (const page of [customer, vendor]) {
    const picture = bubble(page, 'This corner').getByAltText('Picture')
    await picture.waitFor()
    await page.waitForFunction((img) => img.complete && img.naturalWidth === 320, await picture.elementHandle())
  }
  await shot(customer, 'picture')
  await customer.getByLabel('Add a picture').setInputFiles({ name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('this is not a picture') })
  await customer.getByRole('alert').waitFor()
  stage.complaints = stage.complaints.filter((c) => !/400|415/.test(c)) // browsers note every refusal
})

test('offline and back: what was written goes out once, also over a reload', async () => {
  cut = true
  const customer = await stage.page('/demo/product/22003?customer=2&open', phone)
  const vendor = await stage.page(`${stage.site.server.url}/demo/vendor?vendor=3`)
  await write(customer, 'Size 43?')
  await tick(customer, 'Size 43?', 'Delivered')
  stage.site.cut()
  await customer.getByText('Reconnecting…').waitFor()
  await write(customer, 'Written in a tunnel')
  await tick(customer, 'Written in a tunnel', 'Sending')
  await shot(customer, 'offline')
  stage.site.mend()
  await tick(customer, 'Written in a tunnel', 'Delivered')
  stage.site.cut()
  await customer.getByText('Reconnecting…').waitFor()
  await write(customer, 'And before a reload')
  await tick(customer, 'And before a reload', 'Sending')
  stage.site.mend()
  await customer.reload()
  await tick(customer, 'And before a reload', 'Delivered')
  await row(vendor, 'John Doe', 'Slippers').click()
  for (const text of ['Size 43?', 'Written in a tunnel', 'And before a reload']) {
    await bubble(vendor, text).waitFor()
    assert.equal(await bubble(vendor, text).count(), 1)
    assert.equal(await bubble(customer, text).count(), 1)
  }
})

test('the server is killed in the middle of a send: one message', async () => {
  cut = true
  const customer = await stage.page('/demo/product/12347?customer=4&open')
  await write(customer, 'Is anybody there?')
  await tick(customer, 'Is anybody there?', 'Sent')
  await write(customer, 'Into the crash')
  await stage.site.server.end('SIGKILL')
  await write(customer, 'While it is down')
  await stage.site.server.run()
  await tick(customer, 'While it is down', 'Sent')
  await tick(customer, 'Into the crash', 'Sent')
  await customer.reload()
  await bubble(customer, 'While it is down').waitFor()
  assert.deepEqual(await customer.locator('.bubble .text').allTextContents(), ['Is anybody there?', 'Into the crash', 'While it is down'])
})

test('a second tab shows the same, and reading in one is reading in both', async () => {
  const first = await stage.page('/demo/product/22001?customer=5')
  const second = await stage.page('/demo/product/22001?customer=5', { beside: first })
  await widget(first).getByLabel('Open chat').click()
  await write(first, 'From the first tab')
  await tick(first, 'From the first tab', 'Sent')
  await widget(second).getByLabel('Open chat').click()
  await bubble(second, 'From the first tab').waitFor()
  await second.keyboard.press('Escape')
  await first.keyboard.press('Escape')
  const vendor = await stage.page('/demo/vendor?vendor=3')
  await row(vendor, 'Ken', 'Blanket').click()
  await write(vendor, 'To both tabs')
  await widget(second).getByLabel('Open chat, 2 unread messages').or(widget(second).getByLabel('Open chat, 1 unread messages')).click()
  await bubble(second, 'To both tabs').waitFor()
  await second.keyboard.press('Escape')
})

test('history comes in while one scrolls up, and one stays where one was', async () => {
  const customer = await stage.page('/demo/product/12346?customer=2&open')
  const log = customer.getByRole('log')
  await bubble(customer, 'Whatever you teach it').last().waitFor()
  for (let count = 0; count < 250;) {
    const before = count
    await log.evaluate((el) => { el.scrollTop = 0 })
    await customer.waitForFunction((n) => document.querySelector('chaffer-chat').shadowRoot.querySelectorAll('.bubble').length > n, before)
    count = await customer.locator('.bubble').count()
    assert.ok(await log.evaluate((el) => el.scrollTop > 100) || count === 250, 'it jumped to the top')
  }
  assert.equal(await customer.locator('.bubble').count(), 250)
})

test('from right to left', async () => {
  const customer = await stage.page('/demo/product/12345?customer=3&open&lang=ar', phone)
  await customer.getByLabel('اكتب رسالة').fill('إلى اللقاء')
  await customer.keyboard.press('Enter')
  await bubble(customer, 'إلى اللقاء').locator('svg[aria-label="أُرسلت"], svg[aria-label="وصلت"]').waitFor()
  const side = await bubble(customer, 'إلى اللقاء').evaluate((el) => el.getBoundingClientRect().left - el.closest('.thread').getBoundingClientRect().left)
  assert.ok(side < 40, `one's own messages stand at the left end: ${side}`)
  await shot(customer, 'rtl')
})

test('by keyboard alone, from open to send to close', async () => {
  const customer = await stage.page('/demo/product/33003?customer=5')
  await widget(customer).getByLabel('Open chat').waitFor()
  for (let i = 0; i < 40; i++) {
    await customer.keyboard.press('Tab')
    if (await customer.evaluate(() => document.activeElement.shadowRoot?.activeElement?.classList.contains('launcher'))) break
  }
  await customer.keyboard.press('Enter')
  await widget(customer).getByRole('dialog').waitFor()
  await customer.waitForFunction(() => document.activeElement.shadowRoot?.activeElement?.tagName === 'TEXTAREA')
  await customer.keyboard.type('No mouse')
  await customer.keyboard.press('Enter')
  await tick(customer, 'No mouse', 'Sent')
  await customer.keyboard.press('Escape')
  await widget(customer).getByRole('dialog').waitFor({ state: 'detached' })
  assert.equal(await customer.evaluate(() => document.activeElement.shadowRoot.activeElement.className), 'launcher')

  const vendor = await stage.page('/demo/vendor')
  await row(vendor, 'Ken', 'Headphones').waitFor()
  await vendor.bringToFront()
  await vendor.keyboard.press('Alt+ArrowDown')
  await vendor.getByRole('option', { selected: true }).waitFor()
  const first = await vendor.getByRole('option', { selected: true }).getAttribute('id')
  await vendor.keyboard.press('Alt+ArrowDown')
  await vendor.waitForFunction((id) => document.querySelector('[aria-selected=true]').id !== id, first)
  await vendor.keyboard.press('/')
  await vendor.keyboard.type('español')
  await vendor.waitForFunction(() => document.querySelectorAll('[role=option]').length === 1)
})

test('axe finds nothing, in light and in dark', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const look = async (name, path, ready) => {
      const page = await stage.page(path, { colorScheme, reducedMotion: 'reduce' })
      await ready(page)
      assert.deepEqual(await violations(page), [], `${name}, ${colorScheme}`)
      await shot(page, `${name}-${colorScheme}`)
    }
    await look('shop', '/demo/product/12345?customer=2&open', (p) => bubble(p, 'until Friday').waitFor())
    await look('shop-closed', '/demo/product/12345?customer=2', (p) => widget(p).getByRole('button').waitFor())
    await look('widget-list', '/demo/product/12345?customer=2&open', (p) => p.getByLabel('Your chats').click())
    await look('vendor', '/demo/vendor', (p) => row(p, 'Ken', 'Headphones').click().then(() => bubble(p, 'Would you take').waitFor()))
    await look('vendor-empty', '/demo/vendor', (p) => p.getByLabel('Search chats').fill('no such words'))
    await look('sign-in', '/vendor', (p) => p.getByLabel('Token').waitFor())
    await look('admin', '/admin', (p) => p.locator('.found a').filter({ hasText: 'USB-C Dock' }).filter({ hasText: 'Amina' }).click().then(() => p.getByText('My old one').waitFor()))
    await look('admin-figures', '/admin#figures', (p) => p.getByText('Waiting to be delivered').waitFor())
    await look('admin-audit', '/admin#audit', (p) => p.getByText('read the audit log').first().waitFor())
    await look('admin-person', '/admin#person/vendor/2', (p) => p.getByText('Latest chats').waitFor())
    await stage.close()
  }
})

test('a vendor reports a message, an admin reads it, freezes the chat and closes the report', async () => {
  const vendor = await stage.page('/demo/vendor?vendor=3')
  await row(vendor, 'Lucía', 'Oak Side Table').click()
  await bubble(vendor, '18 and we have a deal').hover()
  await vendor.locator('.row').filter({ hasText: '18 and we have a deal' }).getByLabel('Report message').click()
  const dialog = vendor.getByRole('dialog', { name: 'Report a message' })
  await dialog.getByLabel('In your own words').fill('Haggles')
  assert.deepEqual(await violations(vendor), [])
  await dialog.getByRole('button', { name: 'Report' }).click()
  await dialog.waitFor({ state: 'detached' })

  const admin = await stage.page('/admin#reports')
  const report = admin.getByRole('row').filter({ hasText: '18 and we have a deal' })
  await report.getByText('Haggles').waitFor()
  assert.deepEqual(await violations(admin), [])
  await shot(admin, 'admin-reports')
  await report.getByRole('button', { name: 'in its chat' }).click()
  await admin.getByRole('button', { name: 'Freeze' }).click()
  await admin.getByText('This chat is frozen').waitFor()
  await vendor.getByText('This chat is frozen').waitFor()
  await admin.getByRole('button', { name: 'Unfreeze' }).click()
  await vendor.getByLabel('Write a message').waitFor()
  await admin.getByRole('link', { name: 'Reports' }).click()
  admin.on('dialog', (d) => void d.accept('Haggling is what we are for'))
  await report.getByRole('button', { name: 'Resolve' }).click()
  await admin.getByText('No reports').waitFor()
  await admin.getByRole('button', { name: 'Resolved' }).click()
  await admin.getByText('Haggling is what we are for').waitFor()
})

test('an admin exports and erases a person, and ends their sessions', async () => {
  const id = 4711
  await stage.site.server.rest('POST', '/api/v1/chats/messages', {
    token: stage.token({ userType: 'customer', userId: id, name: 'Forget Me' }), body: { productId: '33003', recipientId: 4, text: 'A secret of mine' },
  })
  const admin = await stage.page(`/admin#person/customer/${id}`, { acceptDownloads: true })
  admin.on('dialog', (d) => void d.accept())
  await admin.getByRole('heading', { name: 'Forget Me' }).waitFor()
  const [file] = await Promise.all([admin.waitForEvent('download'), admin.getByRole('button', { name: 'Export' }).click()])
  assert.match(await readFile(await file.path(), 'utf8'), /A secret of mine/)
  await admin.getByRole('button', { name: 'End sessions' }).click()
  await admin.getByText('All sessions have been ended').waitFor()
  await admin.getByRole('button', { name: 'Erase' }).click()
  await admin.getByText('Erased: 1 messages').waitFor()
  await admin.getByRole('link', { name: 'Cork Notebook' }).first().click()
  await admin.getByRole('row').nth(1).waitFor()
  assert.equal(await admin.getByText('A secret of mine').count(), 0)
})

test('an admin finds a chat by a word and downloads its transcript', async () => {
  const admin = await stage.page('/admin', { acceptDownloads: true })
  await admin.getByLabel('Words').fill('drive two 4K')
  await admin.getByRole('button', { name: 'Find' }).click()
  const found = admin.getByRole('list', { name: 'Chats found' }).getByRole('link')
  await admin.waitForFunction(() => document.querySelectorAll('.found a').length === 1)
  await found.click()
  const gone = admin.getByRole('row').filter({ hasText: 'My old one said so too' })
  assert.match(await gone.innerText(), /Deleted .* by customer 3/)
  for (const [name, has] of [['Text', '[deleted'], ['CSV', 'My old one said so too'], ['JSON', '"deletedByType":"customer"']]) {
    const [file] = await Promise.all([admin.waitForEvent('download'), admin.getByRole('button', { name }).click()])
    const text = await readFile(await file.path(), 'utf8')
    assert.ok(text.includes(has) && text.includes('My old one'), `${file.suggestedFilename()}: ${text.slice(0, 200)}`)
  }
  await admin.getByRole('link', { name: 'Audit log' }).click()
  await admin.getByText('downloaded a transcript').first().waitFor()
})

test('a vendor of 10,000 chats scrolls through them', async () => {
  const world = new World(stage.site.server)
  const loader = await world.person('vendor', 9000, 'Large Store').open()
  for (let i = 0; i < 10_000; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, k) => loader.chat.emit('sendMessage', {
      productId: `p${i + k}`, recipientId: 100_000 + i + k, text: `Message ${i + k}`, productName: `Product ${i + k}`, customerName: `Customer ${i + k}`,
    })))
  }
  world.close()
  const vendor = await stage.page(`/vendor#token=${stage.token({ userType: 'vendor', userId: 9000, name: 'Large Store' })}`)
  await vendor.waitForFunction(() => document.querySelector('.count')?.textContent === '10,000', undefined, { timeout: 60_000 })
  const rows = await vendor.evaluate(async () => { // what a frame costs is what there is to draw
    const list = document.querySelector('.list')
    let rows = 0
    for (let i = 0; i < 90; i++) {
      list.scrollTop += 900
      await new Promise(requestAnimationFrame)
      rows = Math.max(rows, document.querySelectorAll('.row-chat').length)
    }
    list.scrollTop = list.scrollHeight
    return rows
  })
  await row(vendor, 'Customer 0', 'Product 0').first().waitFor()
  assert.ok(rows < 40, `${rows} rows exist at once`)
  await vendor.getByLabel('Search chats').fill('Product 4321')
  await vendor.waitForFunction(() => document.querySelectorAll('[role=option]').length === 1)
  await vendor.getByRole('option').click()
  await bubble(vendor, 'Message 4321').waitFor()
})

test('on a page with a hostile style sheet and a strict policy', async () => {
  const chat = stage.site.url
  const hostile = `* { all: unset !important; color: red !important; font-size: 60px !important; display: none !important; letter-spacing: 20px !important; visibility: hidden !important }
    html, head, body { display: block !important; visibility: visible !important } chaffer-chat { display: none !important; position: static !important; opacity: 0 !important; transform: rotate(20deg) !important }`
  const shop = createServer((req, res) => {
    if (req.url === '/hostile.css') return res.setHeader('content-type', 'text/css').end(hostile)
    if (req.url === '/token') return res.end(stage.token({ userType: 'customer', userId: 77, name: 'Hostile' }))
    if (req.url !== "/") return res.writeHead(204).end()
    res.setHeader('content-type', 'text/html')
    res.setHeader('content-security-policy', `default-src 'none'; script-src ${chat}; style-src 'self'; connect-src 'self' ${chat} ${chat.replace('http', 'ws')}; img-src ${chat}; require-trusted-types-for 'script'`)
    res.end(`<!doctype html><html lang="en"><title>Shop</title><link rel="stylesheet" href="/hostile.css"><script src="${chat}/widget.js" defer></script>
      <chaffer-chat server="${chat}" token-url="/token" product-id="h1" recipient-id="2" product-name="Hat" store-name="Tech Haven"></chaffer-chat></html>`)
  })
  await new Promise((resolve) => shop.listen(0, '127.0.0.1', resolve))
  try {
    const page = await stage.page(`http://127.0.0.1:${shop.address().port}/`)
    const launcher = widget(page).getByLabel('Open chat')
    await launcher.click()
    assert.deepEqual(await widget(page).locator('.launcher').evaluate((el) => [el.offsetWidth, el.offsetHeight]), [60, 60])
    await write(page, 'Through the thorns')
    await tick(page, 'Through the thorns', 'Sent')
    const style = await bubble(page, 'Through').evaluate((el) => { const s = getComputedStyle(el); return [s.fontSize, s.letterSpacing, s.visibility] })
    assert.deepEqual(style, ['15px', 'normal', 'visible'])
    await shot(page, 'hostile')
  } finally { shop.close() }
})

test('the first paint waits for little, and a page asks nobody else', async (t) => {
  const page = await stage.page('/demo/vendor')
  await page.getByText('Live').waitFor()
  const seen = await page.evaluate(() => ({
    paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    blocking: performance.getEntriesByType('resource').filter((r) => r.renderBlockingStatus === 'blocking').map((r) => [r.name, r.decodedBodySize]),
    hosts: [...new Set(performance.getEntriesByType('resource').map((r) => new URL(r.name).hostname))],
  }))
  t.diagnostic(`first paint after ${seen.paint} ms`)
  const waits = seen.blocking.reduce((sum, [, bytes]) => sum + bytes, 0)
  assert.ok(seen.blocking.length <= 1 && waits < 64_000, `the first paint waits for ${JSON.stringify(seen.blocking)}`)
  assert.deepEqual(seen.hosts, ['127.0.0.1'])
})
